import Failures
import Files
import Metro
import Synchronization
import Testing

@testable import Depot

/// What las believes of an archive, with real keys, gpg and gpgv.
@Suite struct ArchiveTrustTests {
    let base = ["main": Needs()]

    @Test func aSignedArchiveIsBelieved() async throws {
        try await withTinyArchive { archive in
            let lock = try await archive.depot().lock(base)
            let environment = try #require(lock.environments["main"])
            #expect(environment.packages.map(\.name) == PackageSolver.base.sorted())
            #expect(environment.archives.map(\.name) == ["file:\(archive.root)/ tiny main"])
            #expect(environment.archives.first?.date == "2026-07-11 10:16:37 UTC")
            #expect(environment.archives.first?.keys.count == 1)
        }
    }

    @Test func aDetachedSignatureIsAsGood() async throws {
        try await withTinyArchive { archive in
            archive.remove("InRelease")
            let lock = try await archive.depot().lock(base)
            #expect(lock.environments.count == 1)
        }
    }

    @Test(arguments: ["InRelease", "Release"]) func whatWasChangedAfterItWasSignedIsRefused(_ name: String) async throws
    {
        try await withTinyArchive { archive in
            if name == "Release" { archive.remove("InRelease") }
            try archive.change(name) { $0.replacing("Suite: tiny", with: "Suite: tine") }
            let failure = try await failure { _ = try await archive.depot().lock(base) }
            #expect(failure.exitCode == .integrity)
            #expect(
                failure.summary
                    == "the release file of file:\(archive.root)/ tiny has no good signature of a trusted key")
            #expect(failure.place == archive.folder + "/tiny.list:1")
            #expect(failure.cause?.contains("BAD signature") == true)
        }
    }

    @Test(arguments: ["Suite: tiny\n", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nSuite: x\n"])
    func textOutsideOfWhatIsSignedIsRefused(_ text: String) async throws {
        try await withTinyArchive { archive in
            try archive.change("InRelease") { text + $0 }
            let failure = try await failure { _ = try await archive.depot().lock(base) }
            #expect(failure.exitCode == .integrity)
            #expect(failure.summary.hasSuffix("is not one signed message"))
        }
    }

    @Test func aKeyThatTheSourceDoesNotNameIsNotTrusted() async throws {
        try await withTinyArchive { archive in
            try await withTinyArchive { other in
                let failure = try await failure {
                    _ = try await archive.depot(options: "signed-by=\(other.keyring)").lock(base)
                }
                #expect(failure.exitCode == .integrity)
                #expect(failure.fix?.contains("is not in \(other.keyring)") == true)
            }
        }
    }

    @Test func anOutdatedReleaseFileIsRefusedUnlessTheSourceSaysSo() async throws {
        try await withTinyArchive(release: ["Valid-Until: Sun, 12 Jul 2020 10:16:37 UTC"]) { archive in
            let failure = try await failure { _ = try await archive.depot().lock(base) }
            #expect(failure.exitCode == .integrity)
            #expect(failure.summary.hasSuffix("is out of date since 2020-07-12 10:16:37 UTC"))
            let depot = try archive.depot(options: "signed-by=\(archive.keyring) check-valid-until=no")
            let lock = try await depot.lock(base)
            #expect(lock.environments.count == 1)
        }
    }

    @Test func anUnsignedArchiveIsRefusedUnlessThePersonNamesIt() async throws {
        try await withTinyArchive { archive in
            archive.remove("InRelease")
            archive.remove("Release.gpg")
            let failure = try await failure { _ = try await archive.depot().lock(base) }
            #expect(failure.exitCode == .integrity)
            #expect(failure.summary.hasSuffix("is not signed"))
            #expect(failure.fix?.contains("--allow-unsigned file:\(archive.root)/") == true)
            let lock = try await archive.depot(allowsUnsigned: ["file:\(archive.root)/"]).lock(base)
            #expect(lock.environments["main"]?.archives.first?.keys == [])
        }
    }

    @Test func trustedInTheSourcesFileIsNotEnough() async throws {
        try await withTinyArchive { archive in
            let failure = try await failure { _ = try await archive.depot(options: "trusted=yes").lock(base) }
            #expect(failure.exitCode == .integrity)
            #expect(failure.summary.contains("is marked trusted"))
            let allowed = try archive.depot(options: "trusted=yes", allowsUnsigned: ["file:\(archive.root)/"])
            let lock = try await allowed.lock(base)
            #expect(lock.environments.count == 1)
        }
    }

    @Test func anIndexThatTheReleaseFileDoesNotVouchForIsRefused() async throws {
        try await withTinyArchive { archive in
            try archive.change("main/binary-\(archive.architecture)/Packages") { $0.replacing("1.0", with: "1.1") }
            let failure = try await failure { _ = try await archive.depot().lock(base) }
            #expect(failure.exitCode == .integrity)
            #expect(failure.cause?.contains("its SHA-256 is") == true)
        }
    }

    @Test func aPackageThatTheLockDoesNotVouchForIsRefused() async throws {
        try await withTinyArchive { archive in
            let depot = try archive.depot()
            let environment = try #require(try await depot.lock(base).environments["main"])
            try File.write("another", to: archive.root + "/pool/bash_1.0_all.deb")
            let failure = try await failure { _ = try await depot.build(environment) }
            #expect(failure.exitCode == .integrity)
            #expect(failure.summary.contains("pool/bash_1.0_all.deb"))
            let names = try Folder.names(in: depot.lash.packages)
            #expect(names.allSatisfy { !$0.hasSuffix(".part") })
        }
    }

    @Test func aPackageThatWasDamagedOnTheDiskIsFetchedAgain() async throws {
        try await withTinyArchive { archive in
            let depot = try archive.depot()
            let environment = try #require(try await depot.lock(base).environments["main"])
            let package = try #require(environment.packages.first)
            let path = "\(depot.lash.packages)/\(package.sha256).deb"
            // These packages are none, so it gets no further than that.
            _ = try? await depot.build(environment)
            var bytes = try File.read(path)
            bytes[0] ^= 1
            try File.write(bytes, to: path)
            _ = try? await depot.build(environment)
            #expect(try Download.digest(of: path) == package.sha256)
        }
    }

    @Test func aPackageThatIsGoneAsksForANewLock() async throws {
        try await withTinyArchive { archive in
            let depot = try archive.depot()
            let environment = try #require(try await depot.lock(base).environments["main"])
            File.remove(archive.root + "/pool/bash_1.0_all.deb")
            let failure = try await failure { _ = try await depot.build(environment) }
            #expect(failure.exitCode == .unreachable)
            #expect(failure.fix == "take what it has now: las lock --update")
        }
        // The store's copy serves where it was fetched before. These packages are none, so it gets no further than that.
        try await withTinyArchive { archive in
            let depot = try archive.depot()
            let environment = try #require(try await depot.lock(base).environments["main"])
            _ = try? await depot.build(environment)
            File.remove(archive.root + "/pool/bash_1.0_all.deb")
            let failure = try await failure { _ = try await depot.build(environment) }
            #expect(failure.exitCode == .integrity && failure.summary.contains("the package file"), "\(failure)")
        }
    }

    @Test func aSourceThatDoesNotAnswerIsLeftOutWithAWarning() async throws {
        try await withTinyArchive { archive in
            let warnings = Mutex<[String]>([])
            let dead = "deb http://127.0.0.1:1/dead tiny main"
            let depot = try archive.depot(more: dead) { event in
                if case .warning(let text) = event { warnings.withLock { $0.append(text) } }
            }
            let lock = try await depot.lock(base)
            #expect(lock.environments.count == 1)
            #expect(warnings.withLock { $0.first?.hasPrefix("http://127.0.0.1:1/dead/ tiny can't be reached") } == true)

            let missing = try await failure { _ = try await depot.lock(["main": Needs(debian: ["elsewhere"])]) }
            #expect(missing.exitCode == .unreachable)
            #expect(missing.cause == "can't be reached: http://127.0.0.1:1/dead/ tiny")

            let alone = try await failure { _ = try await archive.depot(uri: "http://127.0.0.1:1/dead").lock(base) }
            #expect(alone.exitCode == .unreachable)
            #expect(alone.summary == "no apt source can be reached")
        }
    }
}
