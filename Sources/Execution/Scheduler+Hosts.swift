internal import HostProtocol
internal import Plan

/// Tasks that hosts do.
extension Scheduler {
    /// Nothing runs, and a host that is not here now may come and take what waits.
    var hopesForHosts: Bool {
        guard let board, !isCancelled, running.isEmpty else { return false }
        return waiting.contains { board.hopes(for: $0) }
    }

    /// When something may be to be done without that anything happens.
    var nextLook: Double? {
        let due = resting.due.min()
        guard let board else { return due }
        return min(due ?? .infinity, board.nextLook)
    }

    /// After what could be leased is leased.
    func lookAtHosts() throws(ExecutionFailure) {
        guard let board, !isCancelled else { return }
        if waiting.isEmpty, resting.isEmpty, !graph.hasReady { board.balance() }
        if board.isHopeless, !running.isEmpty || !waiting.isEmpty {
            // Why there is none may have been said only just now.
            try takeFromHosts()
            tell(.note) { $0.text = LeaseBoard.noHost }
            stop(LeaseBoard.noHost)
        }
    }

    func tellStarted(_ task: PlannedTask, on host: String? = nil) {
        tell(.taskStarted, task) {
            $0.command = task.command.shown
            $0.seed = task.seed
            $0.key = pasts[task.id]?.parts
            $0.host = host
        }
    }

    func lease(_ task: PlannedTask, _ number: UInt64, attempt: Int, to board: LeaseBoard) {
        let (key, store, isFresh, made) = (keys[task.id], reuse.store, reuse.isFresh, run.made)
        board.lease(task, number: number, attempt: attempt) { entries, seconds, unmet, objection in
            guard let key else { return }
            var record = TaskStore.Record(key: key, seconds: seconds, unmet: unmet, objection: objection)
            record.entries = entries.map { TaskStore.Kept(entry: $0) }
            // Where that can't be done the task runs again in the next run, and no more.
            try? store.keep(record, from: task.checks == nil ? "\(made)/\(task.made)" : nil, replaces: isFresh)
        }
    }

    func takeFromHosts() throws(ExecutionFailure) {
        guard let (told, notes) = board?.take() else { return }
        for note in notes {
            tell(note.collision == nil ? .note : .collision) {
                $0.text = note.text
                $0.workspace = note.collision?.workspace
                $0.path = note.collision?.file.string
            }
            if let found = note.collision, found.isStop, !isCancelled {
                stop(
                    "the run was stopped, since two machines wrote one file of the workspace “\(found.workspace)” at once"
                )
            }
        }
        for (number, told) in told {
            guard let running = running[number] else { continue }
            switch told {
            case .began(let host): tellStarted(running.task, on: host)
            case .moved(let host, let hadBegun, let reason):
                tell(.taskMoved, running.task) {
                    $0.host = host
                    $0.text = reason
                    $0.count = hadBegun ? 1 : nil
                }
            case .ended(let past): try ended(running, past)
            }
        }
    }
}
