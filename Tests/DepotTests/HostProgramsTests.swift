import Digests
import Failures
import Files
import Layers
import Metro
import TestSupport
import Testing

@testable import Depot

/// Programs of this very machine in an environment.
@Suite struct HostProgramsTests {
    private func gather(
        _ names: [String], path: String = "/usr/bin:/bin"
    ) throws -> (locked: LockedHost, texts: [String: [UInt8]]) {
        try withScratch("host") { try HostPrograms.gather(names, path: path, folder: $0) }
    }

    @Test func aProgramComesWithItsLibrariesAndLoader() throws {
        let (locked, texts) = try gather(["xz"])
        let places = locked.files.map(\.place)
        #expect(places.contains("lib/las-host/bin/xz"))
        #expect(places.contains { $0.contains("liblzma.so") } && places.contains { $0.contains("libc.so.6") })
        #expect(texts.keys.sorted() == ["bin/xz"])
        #expect(try gather(["xz"]).locked == locked)
    }

    @Test func scriptsComeWithTheirInterpreterAndThoseOfWholeWorldsAreRefused() throws {
        try withScratch("host") { folder in
            func write(_ name: String, _ text: String) throws {
                try File.create("\(folder)/\(name)", text, mode: 0o755)
            }
            try write("of-sh", "#!/bin/sh\necho $1\n")
            try write("of-xz", "#!/usr/bin/env xz\n")
            try write("of-python", "#!/usr/bin/python3\n")
            try write("of-nothing", "#!\n")
            try write("other", "\u{7F}ELF of another kind")
            let path = folder + ":/usr/bin:/bin"
            #expect(try gather(["of-sh"], path: path).locked.files.map(\.place) == ["bin/of-sh"])
            let (locked, texts) = try gather(["of-xz"], path: path)
            #expect(locked.files.contains { $0.place == "lib/las-host/bin/of-xz" })
            #expect(texts.keys.sorted() == ["bin/of-xz", "bin/xz"])
            for (name, told) in [
                ("of-python", "is a script for python3"), ("of-nothing", "names no interpreter"),
                ("other", "neither a program nor a script"), ("missing-program", "has no program missing-program"),
            ] {
                let failure = #expect(throws: DepotFailure.self) { try gather([name], path: path) }
                #expect(failure?.summary.contains(told) == true && failure?.exitCode == .usage, "\(name)")
            }
        }
    }

    @Test(
        .enabled(if: RealArchives.isReachable, "the archives of this machine's apt sources can't be reached from here"))
    func theyRunInAnEnvironmentThatHasNoneOfThem() async throws {
        let depot = try RealArchives.depot(RealArchives.lash)
        let base = try await RealArchives.environment("base")
        let host = try #require(try depot.host(["openssl", "xz"]))
        func environment(_ host: LockedHost) -> LockedEnvironment {
            LockedEnvironment(
                needs: Needs(host: ["openssl", "xz"]), archives: base.archives, packages: base.packages, host: host)
        }
        let lock = Lock(architecture: "amd64", environments: ["main": environment(host)])
        #expect(try JSONRoundTrip.lock(lock) == lock)
        let tree = try await depot.build(environment(host))
        let said = try RealPackagesTests().run(
            "export PATH=/usr/local/bin:/usr/bin:/bin; printf abc | openssl dgst -sha256 -r; echo words | xz | xz -d; test ! -e /usr/bin/openssl",
            in: tree)
        #expect(said.hasPrefix("\(Digest(of: "abc"))") && said.hasSuffix("\nwords\n"), "\(said)")

        // A lock of another machine, whose programs are not in the store.
        let files = host.files.map { LockedHost.File(place: $0.place, from: $0.from, sha256: Digest(of: $0.place)) }
        let other = try await failure {
            _ = try await depot.build(environment(LockedHost(machine: "Another 1.0", files: files)))
        }
        #expect(other.exitCode == .integrity && other.cause?.contains("Another 1.0") == true)
    }
}
