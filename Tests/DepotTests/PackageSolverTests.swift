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

    @Test func versionsAreAskedForByTheirBeginningAndByOrder() async throws {
        let packages = ["1:1.9-1", "1.10~rc1-1", "1.10-2", "1.20-1"].map { Package(name: "tool", version: $0) }
        for (request, version) in [
            ("tool=1.10*", "1.10-2"), ("tool<1.20", "1.10-2"), ("tool <= 1.10~rc1-1", "1.10~rc1-1"),
            ("tool>=1.10", "1:1.9-1"), ("tool=1.9*", "1:1.9-1"), ("tool", "1:1.9-1"),
        ] {
            let found = try await names(packages, [request])
            #expect(found == ["tool \(version)"], "\(request)")
        }
        let failure = try await failure { _ = try await names(packages, ["tool>2:0"]) }
        #expect(failure.summary == "no apt source of this machine has tool in the version >2:0")
        #expect(failure.fix?.contains("1.10-2") == true)
    }

    @Test func whatIsRecommendedComesAlongWhereThatIsSaid() async throws {
        let packages = [Package(name: "tool", fields: ["Recommends: extra"]), Package(name: "extra")]
        let plain = try await names(packages, ["tool"])
        #expect(plain == ["tool 1.0"])
        try await withTinyArchive(TinyArchive.base + packages) { archive in
            var needs = Needs(debian: ["tool"])
            needs.recommends = true
            let lock = try await archive.depot().lock(["main": needs])
            let names = lock.environments["main"]?.packages.map(\.name) ?? []
            #expect(names.contains("extra"))
        }
    }

    @Test func aSuiteForThoseWhoAskIsTakenByItsNameAlone() async throws {
        try await withTinyArchive(TinyArchive.base + [Package(name: "tool")]) { archive in
            try await withTinyArchive(
                [Package(name: "tool", version: "2.0"), Package(name: "newer")],
                release: ["Codename: tiny-backports", "NotAutomatic: yes"]
            ) { other in
                let depot = try archive.depot(more: "deb [signed-by=\(other.keyring)] file:\(other.root) tiny main")
                for (request, version) in [
                    ("tool", "1.0"), ("tool/tiny-backports", "2.0"), ("tool/tiny-backports>=2", "2.0"),
                    ("tool=2.0", "2.0"),
                ] {
                    let lock = try await depot.lock(["main": Needs(debian: [request, "newer"])])
                    let tool = lock.environments["main"]?.packages.first { $0.name == "tool" }
                    #expect(tool?.version == version, "\(request)")
                }
                let failure = try await failure { _ = try await depot.lock(["main": Needs(debian: ["tool/sid"])]) }
                #expect(failure.summary == "no apt source of this machine has tool in the suite sid")
            }
        }
    }

    @Test func whatIsKeptStaysAsFarAsItCan() async throws {
        func packages(_ version: String) -> [Package] {
            TinyArchive.base
                + ["1.0", version].flatMap { version in
                    [
                        Package(name: "tool", version: version, fields: ["Depends: lib"]),
                        Package(name: "lib", version: version),
                        Package(name: "strict", version: version, fields: ["Depends: lib (>= \(version))"]),
                    ]
                }
        }
        try await withTinyArchive(packages("1.0")) { archive in
            let needs = ["main": Needs(debian: ["strict", "tool"])]
            let old = try await archive.depot().lock(needs)
            try archive.write(packages("2.0"))
            try archive.sign()
            func versions(besides free: Set<String>?) async throws -> [String] {
                let lock = try await archive.depot().lock(needs, keeping: free.map { _ in old }, besides: free ?? [])
                return (lock.environments["main"]?.packages ?? []).filter {
                    ["tool", "lib", "strict"].contains($0.name)
                }
                .map(\.title)
            }
            var found = try await versions(besides: ["tool"])
            #expect(found == ["lib 1.0", "strict 1.0", "tool 2.0"])
            found = try await versions(besides: [])
            #expect(found == ["lib 1.0", "strict 1.0", "tool 1.0"])
            found = try await versions(besides: nil)
            #expect(found == ["lib 2.0", "strict 2.0", "tool 2.0"])
            // Its new version can't be without another lib.
            found = try await versions(besides: ["strict"])
            #expect(found.contains("lib 1.0") && found.contains("strict 1.0"))
            let new = try await archive.depot().lock(needs)
            #expect(
                new.changes(from: old) == ["lib 1.0 becomes 2.0", "strict 1.0 becomes 2.0", "tool 1.0 becomes 2.0"])
            #expect(old.changes(from: old).isEmpty)
        }
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
        let packages = [Package(name: "aa", fields: ["Conflicts: bb"]), Package(name: "bb")]
        let failure = try await failure { _ = try await names(packages, ["aa", "bb"]) }
        #expect(failure.exitCode == .usage)
        #expect(failure.summary == "these packages can't be together: aa, bb")
        #expect(failure.cause?.contains("conflicts with bb") == true)
    }

    @Test(arguments: [
        "Samtools", "tool==1", "tool>", "tool=*", "tool/", "tool=>1", "sam tools", "-x", "a=", "../x", "a;b",
    ]) func whatIsNoNameIsSaidBeforeAnythingIsAsked(
        _ name: String
    ) {
        #expect(throws: DepotFailure.self) { try DebianRequest(checking: name) }
    }
}
