import Digests
import Files
import Layers
import Metro
import Sandbox
import TestSupport
import Testing

@testable import Depot

/// What the tests of real packages share.
enum RealArchives {
    static let tools = ["bcftools", "bowtie2", "bowtie2-examples", "samtools"]
    static let lash = LASH(root: BuiltPrograms.lash)
    static let needs = ["base": Needs(), "tools": Needs(debian: tools)]

    static func depot(_ lash: LASH) throws -> Depot {
        let architecture = try Architecture.ofThisMachine()
        return Depot(
            lash: lash, sources: try AptSources.ofMachine(environment: [:], architecture: architecture),
            architecture: architecture)
    }

    static let isReachable: Bool = {
        guard let depot = try? depot(lash), let source = depot.sources.sources.first,
            let folder = try? Folder.makeTemporary(in: "/tmp/las-tests", named: "reach")
        else { return false }
        defer { try? Folder.remove(folder) }
        let release = Download(
            address: Address.of("InRelease", in: source.releaseFolder), path: folder + "/InRelease", what: "",
            digest: nil, size: nil)
        return Downloader { _ in }.get([release])[0] == nil
    }()

    /// Chosen once for all tests.
    static let lock = Task { try await depot(lash).lock(needs) }

    static func environment(_ name: String) async throws -> LockedEnvironment {
        try #require(try await lock.value.environments[name])
    }
}

/// Debian's own packages from the machine's apt sources, in a LASH that all tests share so that they are fetched once.
@Suite(
    .serialized,
    .enabled(if: RealArchives.isReachable, "the archives of this machine's apt sources can't be reached from here"))
struct RealPackagesTests {
    /// A LASH of its own with the same package files.
    func withOwnLash(_ body: (LASH) async throws -> Void) async throws {
        let folder = try Folder.makeTemporary(in: "/tmp/las-tests", named: "lash")
        defer { try? Folder.remove(folder) }
        try Folder.make(folder + "/packages")
        for name in try Folder.names(in: RealArchives.lash.packages) where name.hasSuffix(".deb") {
            try File.copy(RealArchives.lash.packages + "/" + name, to: folder + "/packages/" + name, mode: 0o644)
        }
        try await body(LASH(root: folder))
    }

    /// What a shell in the tree prints.
    func run(_ command: String, in tree: LayeredTree) throws -> String {
        try withScratch { folder in
            try Folder.make(folder + "/root")
            try RootAssembly(tree: tree, root: folder + "/root", isOnlyRead: true).make(tree.merged())
            let output = try File.open(folder + "/output", 0o101, action: "write")
            var plan = SandboxPlan(
                namespaces: Set(SandboxPlan.Namespace.allCases), root: folder + "/root",
                arguments: ["bash", "-euo", "pipefail", "-c", command])
            plan.steps = [.proc(target: "/proc"), .devices(target: "/dev"), .tmpfs(target: "/tmp", mode: 0o1777)]
            (plan.standardOutput, plan.standardError) = (output, output)
            let end = try plan.run()
            let text = String(decoding: try File.read(folder + "/output"), as: UTF8.self)
            #expect(end.isSuccess, "\(text)")
            return text
        }
    }

    func states(_ tree: LayeredTree) throws -> [String: String] {
        let found = try #require(tree.merged().first { $0.path.string == "var/lib/dpkg/status" })
        let path = tree.layers[found.layer].tree + "/" + found.path.string
        let paragraphs = try ControlText.paragraphs(of: try File.read(path), place: path)
        return Dictionary(uniqueKeysWithValues: paragraphs.map { ($0["Package"] ?? "", $0["Status"] ?? "") })
    }

    @Test func theBaseIsSmallAndHasItsTools() async throws {
        let environment = try await RealArchives.environment("base")
        let tree = try await RealArchives.depot(RealArchives.lash).build(environment)
        let states = try states(tree)
        #expect(states.count == environment.packages.count)
        #expect(states.values.allSatisfy { $0 == "install ok installed" })
        let bytes = tree.merged().reduce(Int64(0)) { sum, found in
            if case .file(let size) = found.entry.kind { sum + size } else { sum }
        }
        #expect(bytes < 80_000_000)
        let printed = try run(
            "for tool in bash sh sed grep awk tar gzip find diff sort; do command -v $tool >/dev/null || echo no $tool; done; echo a | awk '{ print $1 \"b\" }'",
            in: tree)
        #expect(printed == "ab\n")
    }

    @Test func toolsWithTheirDependenciesAreInstalledAndRun() async throws {
        let environment = try await RealArchives.environment("tools")
        let tree = try await RealArchives.depot(RealArchives.lash).build(environment)
        let states = try states(tree)
        #expect(RealArchives.tools.allSatisfy { states[$0] == "install ok installed" })
        #expect(states.values.allSatisfy { $0 == "install ok installed" })
        #expect(states["usr-is-merged"] != nil && states["usrmerge"] == nil)
        let printed = try run(
            "bowtie2 --version | sed -n 's/.* version //p'; samtools --version | head -1; bowtie2-build --version >/dev/null",
            in: tree)
        let version = try #require(environment.packages.first { $0.name == "bowtie2" }?.version.prefix { $0 != "-" })
        #expect(printed.hasPrefix("\(version)\nsamtools "))
    }

    @Test func whatIsInTheStoreNeedsNeitherNetworkNorSources() async throws {
        let environment = try await RealArchives.environment("base")
        _ = try await RealArchives.depot(RealArchives.lash).build(environment)
        let sources = try AptSources(
            files: [], architecture: Architecture.ofThisMachine(), followsAptConfiguration: false)
        let depot = Depot(lash: RealArchives.lash, sources: sources, architecture: try Architecture.ofThisMachine())
        let tree = try await depot.build(environment)
        #expect(tree.layers.count == environment.packages.count + 2)
    }

    /// As root and as an ordinary user, in two LASHes: the same entries and the same bytes.
    @Test func twoBuildsAreAlikeAndRootIsNotNeeded() async throws {
        for name in ["base", "tools"] {
            let environment = try await RealArchives.environment(name)
            let first = try await RealArchives.depot(RealArchives.lash).build(environment)
            try await withOwnLash { lash in
                OrdinaryUser.give(lash.root)
                let depot = try RealArchives.depot(lash)
                let second = try OrdinaryUser.run { try depot.buildHere(environment) }
                #expect(first.layers.map(\.digest) == second.layers.map(\.digest))
                for (one, other) in zip(first.layers, second.layers) {
                    #expect(one.entries == other.entries, "\(one.name)")
                    for entry in one.entries {
                        guard case .file = entry.kind else { continue }
                        let (left, right) = (one.tree + "/" + entry.path.string, other.tree + "/" + entry.path.string)
                        #expect(try File.read(left) == File.read(right), "\(entry.path)")
                    }
                }
            }
        }
    }
}
