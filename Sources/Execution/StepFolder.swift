package import Digests
internal import Failures
internal import Files
internal import Glibc
package import HostProtocol
package import Plan

/// A run whose steps an engine starts, each as a process of its own on some machine: a folder that all these see, as
/// `RunFolder` has it, with what is recorded of the steps in `steps/STATION/NUMBER`.
///
/// Nothing here is locked: what counts are names that appear by renaming.
package struct StepFolder: Sendable {
    package let run: RunFolder
    package let about: About

    /// `run.json`: which metro's run it is.
    package struct About: Hashable, Sendable, Codable {
        package let version: Int
        package let run: RunID
        /// Of the metro's image; in a container of its plan.
        package let metro: Digest
        /// Of the text of `plan.json`.
        package let plan: Digest

        package init(run: RunID, metro: Digest, plan: Digest) {
            (version, self.run, self.metro, self.plan) = (Self.current, run, metro, plan)
        }

        static let current = 1
    }

    /// One that is there already.
    package init(_ path: String) throws(ExecutionFailure) {
        run = RunFolder(path: path)
        let place = Self.about(path)
        guard File.exists(place) else {
            throw ExecutionFailure(
                "there is no run in this folder", place: path,
                fix: "name the metro's bundle too, to begin one: --bundle NAME.las", exitCode: .usage)
        }
        guard let about = SealedFile.read(About.self, place, atMost: 1 << 16), about.version <= About.current else {
            throw ExecutionFailure(
                "what is written of the run is damaged, or a newer las wrote it", place: place, exitCode: .integrity)
        }
        self.about = about
    }

    /// Begins a run there, or finds that it is there.
    ///
    /// - Parameters:
    ///   - run: its name; nil for a new one.
    ///   - metro: see `About`.
    ///   - plan: the text of its plan.
    /// - Throws: where the folder has another metro's run.
    package init(_ path: String, run name: RunID?, metro: Digest, plan: () throws -> [UInt8]) throws {
        if !File.exists(Self.about(path)) {
            let text = try plan()
            let decoded = try Piece.plan(text)
            let run = RunFolder(path: path)
            try Folder.make(path, mode: 0o700)
            for folder in [run.made, run.tasks, run.logs, run.results, path + "/steps"] { try Folder.make(folder) }
            try File.write(text, to: run.plan)
            let about = About(run: name ?? RunID(for: decoded.metro), metro: metro, plan: Digest(of: text))
            try Self.publish(SealedFile.bytes(about), at: Self.about(path))
        }
        try self.init(path)
        guard about.metro == metro else {
            throw ExecutionFailure(
                "this folder holds the run of another metro, or of what this one was before", place: path,
                cause: "it is \(about.run)", fix: "name an empty folder for a new run", exitCode: .usage)
        }
        guard name == nil || name == about.run else {
            throw ExecutionFailure(
                "this folder holds another run", place: path, cause: "it is \(about.run)",
                fix: "name an empty folder for a new run", exitCode: .usage)
        }
    }

    private static func about(_ path: String) -> String { path + "/run.json" }

    /// The first one's text stays.
    private static func publish(_ bytes: [UInt8], at path: String) throws(FileFailure) {
        let beside = path + ".new-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try File.write(bytes, to: beside)
        defer { unlink(beside) }
        if link(beside, path) == 0 || errno == EEXIST { return }
        // No links there: who comes at the very same moment has the same metro, most likely.
        if !File.exists(path) { try File.rename(beside, to: path) }
    }

    var steps: String { run.path + "/steps" }
    /// There while the run is to end: nothing further starts.
    var cancelled: String { run.path + "/cancelled" }

    /// Why the run is to end; nil where it is not.
    package var stopped: String? {
        guard let text = try? File.read(cancelled, atMost: 1 << 16) else { return nil }
        return text.isEmpty ? Scheduler.cancelled : String(decoding: text, as: UTF8.self)
    }

    package func readPlan() throws -> Plan {
        let text = try File.read(run.plan, atMost: 256 << 20)
        guard Digest(of: text) == about.plan else {
            throw ExecutionFailure("the run's plan is not what it was", place: run.plan, exitCode: .integrity)
        }
        return try Piece.plan(text)
    }
}
