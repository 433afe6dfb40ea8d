internal import Digests
internal import HostProtocol
internal import Metro
internal import Plan

/// Tasks that are not run, since what they would make is kept from an earlier run.
extension Scheduler {
    /// Looks for what a task that may start would make; it waits for room only when that is not there.
    func ask(_ task: PlannedTask) {
        let root = images.environments[task.environment.name]
        // Where hosts do the tasks their environments are not reached here.
        guard let recalling, root != nil || board != nil,
            let question = madeDigests.question(task, stations[task.station], reuse.environments, root: root)
        else { return waiting.add([task]) }
        recalling.ask(question)
    }

    func takeRecalled() {
        for answer in recalling?.take() ?? [] where !isCancelled {
            keys[answer.task.id] = answer.parts?.key
            if let parts = answer.parts { pasts[answer.task.id] = TaskHistory.Past(parts: parts) }
            if answer.record.map({ !reused(answer.task, $0) }) ?? true { waiting.add([answer.task]) }
        }
    }

    /// - Returns: false for a task that has to run after all: what is kept of it is what would make it fail.
    private func reused(_ task: PlannedTask, _ record: TaskStore.Record) -> Bool {
        let entries = record.entries.map(\.entry)
        var note: String?
        do {
            if task.checks != nil {
                note = try graph.checked(task.id, objection: record.objection)
            } else {
                let turn = task.until.isEmpty ? nil : TaskGraph.TurnEnd(unmet: record.unmet)
                try graph.finished(task.id, made: entries.map(\.made), turn: turn)
            }
        } catch {
            reuse.store.forget(record.key)
            return false
        }
        compare(task, entries)
        take(entries, of: task)
        tell(.taskReused, task) {
            $0.text = record.objection
            $0.files = entries.map(\.file)
            $0.seconds = record.seconds
            $0.command = task.command.shown
            $0.key = pasts[task.id]?.parts
            $0.seed = task.seed
            $0.unmet = record.unmet
        }
        if let note { tell(.note) { $0.text = note } }
        return true
    }
}
