import Metro
import Testing

@testable import Depot

@Suite struct PackageSolverTests {
    typealias Package = TinyArchive.Package

    func names(_ packages: [Package], _ needs: [String]) async throws -> [String] {
        var names: [String] = []
        try await withTinyArchive(TinyArchive.base + packages) { archive in
            let lock = try await archive.depot().lock(["main": Needs(debian: needs)])
            names = lock.environments["main"]?.packages.map { "\($0.name) \($0.version)" } ?? []
        }
        return names.filter { !PackageSolver.base.contains(String($0.split(separator: " ")[0])) }
    }

    @Test func dependenciesComeAlongAndRecommendationsDoNot() async throws {
        let packages = [
            Package(name: "tool", fields: ["Depends: library (>= 2)", "Recommends: manual"]),
            Package(name: "library", version: "1"),
            Package(name: "library", version: "2"), Package(name: "manual"),
        ]
        let found = try await names(packages, ["tool"])
        #expect(found == ["library 2", "tool 1.0"])
    }

    @Test func whatIsEssentialComesWithNeedsAndNotWithTheBaseAlone() async throws {
        let packages = [Package(name: "login", fields: ["Essential: yes"]), Package(name: "tool")]
        let found = try await names(packages, ["tool"])
        #expect(found == ["login 1.0", "tool 1.0"])
        let again = try await names(packages, [])
        #expect(again == [])
    }

    @Test func theFirstAlternativeIsMeant() async throws {
        let packages = [
            Package(name: "tool", fields: ["Depends: zlib | alib"]), Package(name: "alib"), Package(name: "zlib"),
            Package(name: "stand-in", fields: ["Provides: zlib"]),
        ]
        let found = try await names(packages, ["tool"])
        #expect(found == ["tool 1.0", "zlib 1.0"])
    }

    @Test func anExactVersionIsTaken() async throws {
        let packages = [Package(name: "tool", version: "1"), Package(name: "tool", version: "2")]
        let found = try await names(packages, ["tool"])
        #expect(found == ["tool 2"])
        let again = try await names(packages, ["tool=1"])
        #expect(again == ["tool 1"])
        let failure = try await failure { _ = try await names(packages, ["tool=3"]) }
        #expect(failure.exitCode == .usage)
        #expect(failure.fix == "there is 2, 1" || failure.fix == "there is 1, 2")
    }

    @Test func anUnknownNameIsAnsweredWithTheNearest() async throws {
        let failure = try await failure { _ = try await names([Package(name: "samtools")], ["samtool"]) }
        #expect(failure.exitCode == .usage)
        #expect(failure.summary == "no apt source of this machine has a package samtool")
        #expect(failure.fix == "did you mean samtools?")
    }

    @Test func aVirtualNameIsAnsweredWithWhoProvidesIt() async throws {
        let packages = [
            Package(name: "blast", fields: ["Provides: aligner"]), Package(name: "bwa", fields: ["Provides: aligner"]),
        ]
        let failure = try await failure { _ = try await names(packages, ["aligner"]) }
        #expect(failure.fix == "name one of them: blast, bwa")
    }

    @Test func aConflictIsToldInLibsolvsWords() async throws {
        let packages = [Package(name: "a", fields: ["Conflicts: b"]), Package(name: "b")]
        let failure = try await failure { _ = try await names(packages, ["a", "b"]) }
        #expect(failure.exitCode == .usage)
        #expect(failure.summary == "these packages can't be together: a, b")
        #expect(failure.cause?.contains("conflicts with b") == true)
    }

    @Test(arguments: ["Samtools", "sam tools", "-x", "a=", "../x", "a;b"]) func whatIsNoNameIsSaidBeforeAnythingIsAsked(
        _ name: String
    ) {
        #expect(throws: DepotFailure.self) { try PackageRequest(name) }
    }
}
