import Digests
import Files
import Metro
import TestSupport
import Testing

@testable import Depot

@Suite struct LockTests {
    let architecture = Architecture("amd64")

    func lock(file: String = "pool/a.deb", needs: [String] = ["samtools"]) -> Lock {
        let archive = LockedArchive(
            uri: "http://example.org/debian/", suite: "stable", component: "main", date: "2026-07-11 10:16:37 UTC",
            keys: ["AB"])
        let package = LockedPackage(
            name: "samtools", version: "1.16.1-1", architecture: "amd64", archive: archive.name, file: file, size: 7,
            sha256: Digest(of: "a"))
        return Lock(
            architecture: "amd64",
            environments: [
                "main": LockedEnvironment(needs: Needs(debian: needs), archives: [archive], packages: [package])
            ])
    }

    @Test func aLockComesBackAsItWasAndIsAlwaysTheSameText() throws {
        try withScratch { folder in
            try lock().write(to: folder + "/metro.lock")
            #expect(try Lock.read(folder + "/metro.lock") == lock())
            #expect(try File.read(folder + "/metro.lock") == lock().text)
        }
    }

    @Test func aLockThatDoesNotFitSaysWhatChanged() throws {
        #expect(lock().misfits(["main": Needs(debian: ["samtools"])], architecture: architecture) == [])
        let changed = ["main": Needs(debian: ["bcftools"]), "qc": Needs(debian: ["fastqc"])]
        #expect(
            lock().misfits(changed, architecture: Architecture("arm64")) == [
                "the lock is for amd64, this machine is arm64", "the needs now have bcftools",
                "the needs no longer have samtools", "the needs of qc are not in the lock",
            ])
        let failure = #expect(throws: DepotFailure.self) {
            try lock().fits(changed, architecture: architecture, place: "metro.lock")
        }
        #expect(failure?.exitCode == .integrity)
        #expect(failure?.fix == "bring it up to date: las lock --update")
    }

    @Test(arguments: ["../../etc/passwd", "/etc/passwd", ""]) func aLockWithAFileOutsideOfItsArchiveIsRefused(
        _ file: String
    ) throws {
        try withScratch { folder in
            try lock(file: file).write(to: folder + "/metro.lock")
            let failure = #expect(throws: DepotFailure.self) { try Lock.read(folder + "/metro.lock") }
            #expect(failure?.exitCode == .integrity)
        }
    }

    @Test(arguments: ["", "{}", #"{"lock": 2}"#, #"{"lock": 1}"#]) func whatIsNoLockIsRefused(_ text: String) throws {
        try withScratch { folder in
            try File.write(text, to: folder + "/metro.lock")
            let failure = #expect(throws: DepotFailure.self) { try Lock.read(folder + "/metro.lock") }
            #expect(failure?.fix == "make it again: las lock --update")
        }
    }
}
