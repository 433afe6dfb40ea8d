internal import Digests
internal import Files
internal import HostProtocol
internal import Plan

/// Tasks that this run had done before it was cut off.
extension Scheduler {
    /// Takes what is recorded of a task that may start.
    ///
    /// - Returns: false where nothing is, or what it made is no longer as it was: it has to run.
    func takeRecorded(_ task: PlannedTask) -> Bool {
        guard let event = resuming.recorded.take(task.id) else { return false }
        let entries = (event.files ?? []).map { MadeEntry($0) }
        let digest = MadeEntry.digest(of: entries)
        resuming.before[task.id] = digest
        if resuming.reads(task) { return false }
        guard task.checks != nil || resuming.recorded.freed.contains(task.id) || isThere(entries, of: task) else {
            tell(.note) { $0.text = "what \(task.id) had made is no longer there: it runs again" }
            return false
        }
        do {
            if task.checks != nil {
                // What is left out was told before.
                _ = try graph.checked(task.id, objection: event.text)
            } else {
                let turn = task.until.isEmpty ? nil : TaskGraph.TurnEnd(unmet: event.unmet)
                try graph.finished(task.id, made: entries.map(\.made), turn: turn)
            }
        } catch {
            return false
        }
        resuming.before[task.id] = nil
        take(entries, of: task)
        return true
    }

    private func isThere(_ entries: [MadeEntry], of task: PlannedTask) -> Bool {
        resuming.isFound.contains(task.id)
            || Resuming.isThere(entries, task.made, in: run, reads: resuming.isAfterRestart)
    }

    /// Where something is missing that was not given up, who makes it again may need what was: so all of that is made again
    /// too, or taken from what is kept of earlier runs.
    func findFreed() {
        if resuming.recorded.freed.isEmpty { return }
        for (id, event) in resuming.recorded.done where !resuming.recorded.freed.contains(id) {
            let files = event.files ?? []
            // A look at a file of an input makes nothing.
            if files.isEmpty { continue }
            guard
                Resuming.isThere(files.map { MadeEntry($0) }, id.name, in: run, reads: resuming.isAfterRestart)
            else { return resuming.recorded.forgetFreed() }
            resuming.isFound.insert(id)
        }
    }

    /// After a task has ended that had been done before: where it made something else now, who takes it runs again too.
    func compare(_ task: PlannedTask, _ entries: [MadeEntry]) {
        guard let before = resuming.before.removeValue(forKey: task.id), before != MadeEntry.digest(of: entries) else {
            return
        }
        resuming.changed.insert(ExactText(task.made))
    }
}

/// What a run that goes on knows of its time before.
struct Resuming {
    /// - Parameters:
    ///   - made: the task's folder in the run's `made`.
    ///   - reads: whether contents are compared too: what the machine had not written out when it went down.
    /// - Returns: whether what a task made is still as it was.
    static func isThere(_ entries: [MadeEntry], _ made: String, in run: RunFolder, reads: Bool) -> Bool {
        guard let made = RelativePath(made), File.status("\(run.made)/\(made)")?.kind == .folder else { return false }
        return entries.allSatisfy { entry in
            guard let path = RelativePath(entry.path), let status = File.status("\(run.made)/\(made)/\(path)") else {
                return false
            }
            switch (entry.kind, status.kind) {
            case (.folder, .folder): return true
            case (.link, .link): return File.target(of: "\(run.made)/\(made)/\(path)") == entry.target
            case (.file, .file):
                guard status.size == entry.size else { return false }
                return !reads || (try? FileDigest.digest(of: "\(run.made)/\(made)/\(path)")) == entry.digest
            default: return false
            }
        }
    }

    var recorded: Recorded
    /// Whether the machine was started anew since.
    let isAfterRestart: Bool
    /// Tasks whose outputs were looked at already, and are there.
    var isFound: Set<TaskID> = []
    /// What tasks had made that run again.
    var before: [TaskID: Digest] = [:]
    /// Folders below `made` that hold something else now.
    var changed: Set<ExactText> = []

    init(_ recorded: Recorded, boot: String?) {
        self.recorded = recorded
        isAfterRestart = recorded.wasBegun && (boot == nil || recorded.boots != [boot ?? ""])
    }

    /// Whether a task takes something that is otherwise now.
    func reads(_ task: PlannedTask) -> Bool {
        if changed.isEmpty { return false }
        let taken = task.reads + [task.turnBefore].compactMap(\.self)
        return taken.contains { read in
            changed.contains { $0 == ExactText(read) || $0.string.begins(with: read + "/") }
        }
    }
}

/// Which start of the machine this is.
enum Boot {
    static var here: String? {
        let bytes = try? File.read("/proc/sys/kernel/random/boot_id", atMost: 4096)
        return bytes.map { String(decoding: $0, as: UTF8.self).filter { !$0.isWhitespace } }
    }
}
