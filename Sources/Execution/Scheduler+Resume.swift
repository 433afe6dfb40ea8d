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
        guard task.checks != nil || isThere(entries, of: task) else {
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
        guard let made = RelativePath(task.made), File.status("\(run.made)/\(made)")?.kind == .folder else {
            return false
        }
        return entries.allSatisfy { entry in
            guard let path = RelativePath(entry.path), let status = File.status("\(run.made)/\(made)/\(path)") else {
                return false
            }
            switch (entry.kind, status.kind) {
            case (.folder, .folder): return true
            case (.link, .link): return File.target(of: "\(run.made)/\(made)/\(path)") == entry.target
            case (.file, .file):
                guard status.size == entry.size else { return false }
                // What the machine had not written out when it went down is read.
                return !resuming.isAfterRestart
                    || (try? FileDigest.digest(of: "\(run.made)/\(made)/\(path)")) == entry.digest
            default: return false
            }
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
    var recorded: Recorded
    /// Whether the machine was started anew since.
    let isAfterRestart: Bool
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
