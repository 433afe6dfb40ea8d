import Digests
import Files
import Foundation
import TestSupport
import Testing

/// Tests that have a Slurm cluster to themselves, in which they run one after another; other suites have others, at the same time.
protocol SlurmSuite {
    /// One for all tests of the suite, since it takes seconds to start: it ends with the tests' process.
    static var cluster: Result<SlurmCluster, any Error> { get }
}

extension SlurmSuite {
    static func start(_ name: String, hasAccounts: Bool = false) -> Result<SlurmCluster, any Error> {
        Result {
            let folder = "/tmp/las-tests/\(name)-\(getpid())"
            try Folder.make(folder)
            return try SlurmCluster(in: folder, hasAccounts: hasAccounts)
        }
    }

    func bench(
        _ metro: String, files: [String: String] = [:],
        _ body: (_ cluster: SlurmCluster, _ folder: String, _ las: LasCommand) throws -> Void
    ) throws {
        let cluster = try Self.cluster.get()
        try withScratch { folder in
            var las = LasCommand(in: folder, lash: try makeLash(in: folder))
            las.variables = cluster.variables
            try Folder.make(folder + "/m")
            try File.write(metro, to: folder + "/m/metro.yml")
            for (name, text) in files {
                try Folder.make(File.parent(of: "\(folder)/m/\(name)"))
                try File.write(text, to: "\(folder)/m/\(name)")
            }
            // The next test finds no job of this one.
            defer {
                _ = try? cluster.run("scancel", "--user=root")
                _ = try? waits { try isIdle(cluster) }
            }
            try body(cluster, folder, las)
        }
    }

    /// All files below a folder, with their digests.
    func files(_ folder: String) throws -> [String: Digest] {
        var files: [String: Digest] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder)
        where File.status("\(folder)/\(name)")?.kind == .file {
            files[name] = Digest(of: try File.read("\(folder)/\(name)"))
        }
        return files
    }

    func text(_ path: String) throws -> String { String(decoding: try File.read(path), as: UTF8.self) }

    /// The run that goes on.
    func run(_ las: LasCommand) throws -> String {
        try Folder.names(in: las.lash + "/runs").last ?? ""
    }

    func started(_ las: LasCommand, _ folder: String, _ arguments: String...) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: BuiltPrograms.las)
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin:/bin:/usr/sbin", "HOME": folder, "LASH": las.lash].merging(
            las.variables
        ) {
            $1
        }
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        try File.write("", to: folder + "/err")
        process.standardError = FileHandle(forWritingAtPath: folder + "/err")
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }

    func waits(_ seconds: Int = 300, _ what: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<(seconds * 10) {
            if try what() { return true }
            usleep(100_000)
        }
        return false
    }

    /// Whether Slurm has no job left; not where it does not answer.
    func isIdle(_ cluster: SlurmCluster) throws -> Bool {
        let listed = try cluster.run("squeue", "-h")
        return listed.status == 0 && listed.output == ""
    }

    // MARK: What some of them run

    /// - Parameter before: what a task does first.
    func slow(_ before: String, network: String = "no") -> String {
        """
        metro: slow
        inputs: { words: "words/*.txt" }
        lines:
          l:
            - station: wait
              for_each: words
              network: \(network)
              command: \(before); cat {each} > {out}
              out: "{name}.txt"
              uses: { cpus: 2 }
            - station: all
              in: wait
              command: cat {in} > {out}
              out: all.txt
        """
    }

    func slow(_ gate: Gate) -> String { slow(gate.command, network: "yes") }

    var five: [String: String] { Dictionary(uniqueKeysWithValues: (1...5).map { ("words/\($0).txt", "\($0)\n") }) }

    /// nil where Slurm does not answer.
    func running(_ cluster: SlurmCluster, on node: String? = nil) throws -> [String]? {
        let listed = try cluster.run("squeue", "-h", "-t", "running", "-o", "%i %N")
        if listed.status != 0 { return nil }
        return listed.lines.filter { node == nil || $0.hasSuffix(node!) }.map { String($0.split(separator: " ")[0]) }
    }
}
