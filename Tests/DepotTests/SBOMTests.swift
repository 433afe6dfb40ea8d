import Digests
import Files
import JSON
import Layers
import Metro
import TestSupport
import Testing

@testable import Depot

@Suite struct SBOMTests {
    private let copyright = """
        Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
        Upstream-Name: thing

        Files: *
        Copyright: 2020 Somebody
        License: GPL-2+ or Artistic

        Files: debian/*
        License: Expat

        License: Expat
         Permission is hereby granted
        """

    @Test func licencesAreReadWhereTheyAreWrittenForMachines() {
        let names = Licences.names(in: copyright)
        #expect(names == ["Expat", "GPL-2+ or Artistic"])
        #expect(Licences.expression(names) == "MIT AND (GPL-2.0-or-later OR Artistic-1.0-Perl)")
        #expect(Licences.names(in: "This is free software.\nLicense: GPL") == [])
        #expect(Licences.expression(["Expat", "a licence of its own"]) == nil)
        #expect(Licences.expression([]) == nil)
    }

    @Test func everyPackageOfTheLockIsListed() throws {
        try withScratch("sbom") { folder in
            try Folder.make(folder + "/usr/share/doc/libthing++1")
            try File.write(copyright, to: folder + "/usr/share/doc/libthing++1/copyright")
            let path = try #require(RelativePath("usr/share/doc/libthing++1/copyright"))
            let layer = Layer(
                digest: Digest(of: "layer"), name: "libthing++1", tree: folder,
                entries: [LayerEntry(path: path, kind: .file(size: 10), mode: 0o644, modified: 0)])
            let archive = LockedArchive(
                uri: "http://archive.test/debian/", suite: "bookworm", component: "main",
                date: "2026-07-11 10:16:37 UTC", keys: [])
            let package = LockedPackage(
                name: "libthing++1", version: "1:2.0+dfsg-1~deb12u1", architecture: "amd64", archive: archive.name,
                file: "pool/main/t/thing.deb", size: 10, sha256: Digest(of: "deb"))
            let lock = Lock(
                architecture: "amd64",
                environments: ["main": LockedEnvironment(needs: Needs(), archives: [archive], packages: [package])])
            let text = SBOM(
                metro: "x", lock: lock, licences: ["main": SBOM.licences(in: LayeredTree(layers: [layer]))]
            ).text
            let told = try JSONText.parse(text)
            #expect(told["spdxVersion"] == "SPDX-2.3")
            #expect(told["creationInfo"]?["created"] == "2026-07-11T10:16:37Z")
            let packages = try #require(told["packages"]?.array)
            #expect(packages.count == 2)
            let listed = packages[1]
            #expect(listed["versionInfo"] == "1:2.0+dfsg-1~deb12u1")
            #expect(listed["downloadLocation"] == "http://archive.test/debian/pool/main/t/thing.deb")
            #expect(listed["licenseDeclared"] == "MIT AND (GPL-2.0-or-later OR Artistic-1.0-Perl)")
            #expect(listed["SPDXID"] == "SPDXRef-Debian-main-libthing.43..43.1")
            #expect(
                listed["externalRefs"]?.array?.first?["referenceLocator"]
                    == "pkg:deb/debian/libthing%2B%2B1@1%3A2.0%2Bdfsg-1~deb12u1?arch=amd64")
            #expect(told["relationships"]?.array?.count == 2)
        }
    }
}
