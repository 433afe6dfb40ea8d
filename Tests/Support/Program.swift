internal import Foundation

/// A program of the machine, or one that we built, as a user runs it.
package struct Program: Sendable {
    package struct Ended: Sendable {
        package let status: Int32
        /// The signal that ended it, else 0.
        package let signal: Int32
        package let output: String
        package let errors: String

        package var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    package let path: String
    package var environment: [String: String]
    package var folder: String

    /// - Parameter path: absolute, or a name that is looked up on the PATH and in the system's sbin folders.
    package init(_ path: String, environment: [String: String]? = nil, folder: String = "/") {
        self.path = path.hasPrefix("/") ? path : Self.find(path) ?? path
        self.environment = environment ?? ProcessInfo.processInfo.environment
        self.folder = folder
    }

    package static func find(_ name: String) -> String? {
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Waits for its end. Output is read while it runs, so that nothing blocks.
    @discardableResult
    package func run(_ arguments: String..., input: String = "") throws -> Ended { try run(arguments, input: input) }

    @discardableResult
    package func run(_ arguments: [String], input: String = "") throws -> Ended {
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("las-run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        // Files rather than pipes: a daemon that keeps a pipe open can't hold the test up.
        func file(_ name: String, _ text: String = "") throws -> FileHandle {
            let url = scratch.appendingPathComponent(name)
            try Data(text.utf8).write(to: url)
            return try FileHandle(forUpdating: url)
        }
        let (standardInput, output, errors) = (try file("in", input), try file("out"), try file("err"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardInput = standardInput
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        process.waitUntilExit()
        func text(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: scratch.appendingPathComponent(name)), as: UTF8.self)
        }
        let killed = process.terminationReason == .uncaughtSignal
        return Ended(
            status: killed ? -1 : process.terminationStatus, signal: killed ? process.terminationStatus : 0,
            output: try text("out"), errors: try text("err"))
    }
}
