package import Files
internal import Glibc
package import HostProtocol
internal import JSON

/// What a run leaves in LASH: `runs/RUN` with
/// `start.json` (how it was started), `plan.json`, `journal`, `pid`, `made/` (what tasks made), `tasks/` (work folders while
/// they run), `workspaces/` (what its stations share), `logs/`, `results/`, `mounts/` (while it runs, as root), `runtime.log`.
package struct RunFolder: Hashable, Sendable {
    package let path: String

    package init(_ run: RunID, in lash: LASH) { path = "\(lash.runs)/\(run.name)" }

    /// Somewhere else than in a LASH.
    package init(path: String) { self.path = path }

    package var start: String { path + "/start.json" }
    package var plan: String { path + "/plan.json" }
    package var journal: String { path + "/journal" }
    package var pid: String { path + "/pid" }
    package var made: String { path + "/made" }
    package var tasks: String { path + "/tasks" }
    /// Kept until the run has ended well.
    package var workspaces: String { path + "/workspaces" }
    package var logs: String { path + "/logs" }
    package var results: String { path + "/results" }
    package var mounts: String { path + "/mounts" }
    /// Over which hosts it is, where it is over several.
    package var hosts: String { path + "/hosts.json" }
    package var log: String { path + "/runtime.log" }
    /// On which host the run is, where its process is not on this machine.
    package var elsewhere: String { path + "/elsewhere.json" }

    package var exists: Bool { File.exists(path) }

    /// Makes it, with its start.json. Only its owner may look inside: what tasks make is theirs alone.
    package func make(for start: RunStart) throws(FileFailure) {
        if exists { throw FileFailure("make the folder", path, code: 17) }
        try Folder.make(path, mode: 0o700)
        for folder in [made, tasks, logs, results] { try Folder.make(folder) }
        try write(start)
    }

    /// Whether a process has begun to run it, or was killed while it made it: the number of who runs it is what is written first.
    var wasUsed: Bool { File.exists(pid) || !File.exists(results) }

    func write(_ start: RunStart) throws(FileFailure) {
        try File.write(JSONText.encode(start, indented: true), to: self.start, syncing: false)
    }

    /// Syncs what says how the run begins, which is written without waiting for the disk: that is done while the first tasks run.
    func syncBeginning() {
        for path in [start, plan] {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            if descriptor < 0 { continue }
            fsync(descriptor)
            close(descriptor)
        }
        Folder.sync(path)
    }

    /// Takes away what a process left that was killed: half-made outputs, results that were being gathered, temporary files.
    /// By who holds the journal. What tasks have made stays.
    func clear(in lash: LASH) throws(ExecutionFailure) {
        do throws(FileFailure) {
            for folder in [tasks, results] where File.exists(folder) { try Folder.remove(folder) }
            for folder in [made, tasks, logs, results] { try Folder.make(folder) }
            for name in (try? Folder.names(in: mounts)) ?? [] { rmdir("\(mounts)/\(name)") }
            for name in try Folder.names(in: path) where Self.isAbandoned(name) { File.remove("\(path)/\(name)") }
        } catch { throw ExecutionFailure(error) }
        guard let process, process != getpid(), Self.hasEnded(process) else { return }
        for name in (try? Folder.names(in: lash.temporary)) ?? [] where name.holds("-\(process)-") {
            try? Folder.remove("\(lash.temporary)/\(name)")
        }
        // Only now: who is killed while it clears leaves the rest to the next one, which knows of it by this.
        File.remove(pid)
    }

    /// Whether it is what `File.write` left of a process that is dead. Another one may just be writing, as who has a host join the run.
    private static func isAbandoned(_ name: String) -> Bool {
        guard let number = name.split(separator: ".").last?.after("new-"),
            let writer = pid_t(number.prefix { $0 != "-" })
        else { return false }
        return hasEnded(writer)
    }

    /// Also one that was killed and is just ending, or whose parent has not asked for its end yet: it does nothing any more.
    private static func hasEnded(_ process: Int32) -> Bool {
        if kill(process, 0) != 0 { return errno == ESRCH }
        guard let text = try? File.read("/proc/\(process)/stat", atMost: 4096),
            let name = text.lastIndex(of: UInt8(ascii: ")"))
        else { return false }
        // proc(5): behind the name stand the state, five numbers, and the kernel's flags.
        let fields = String(decoding: text[(name + 1)...], as: UTF8.self).split(separator: " ")
        guard fields.count > 6, let flags = UInt32(fields[6]) else { return false }
        let exiting: UInt32 = 4  // PF_EXITING
        return ["Z", "X"].contains(fields[0]) || flags & exiting != 0
    }

    /// The process that runs it, or did.
    package var process: Int32? {
        guard let text = try? File.read(pid, atMost: 64) else { return nil }
        guard let number = Int32(String(decoding: text, as: UTF8.self).prefix { $0 != "\n" }), number > 1 else {
            return nil
        }
        return number
    }

    package func readStart() throws(ExecutionFailure) -> RunStart {
        do { return try JSONText.decode(RunStart.self, from: try File.read(start, atMost: 1 << 20)) } catch {
            throw ExecutionFailure(
                "the run's start.json can't be read", place: start, cause: "\(error)", exitCode: .integrity)
        }
    }
}
