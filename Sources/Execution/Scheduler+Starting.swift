internal import Glibc
internal import HostProtocol
internal import Plan
internal import Threads

/// Tasks start as soon as what they take is there and the host has room for them.
extension Scheduler {
    func startReady() throws(ExecutionFailure) {
        var unneeded: [String] = []
        var isMore = true
        // Those that start leave room for others.
        while isMore {
            takeReady()
            try tellStations()
            unneeded += tellUnneeded()
            isMore = false
            while !isCancelled, !isPaused,
                let task = waiting.takeFirst(
                    where: { board?.takes($0) ?? free.holds($0.uses) }, until: { board?.isFull ?? isFull })
            {
                try start(task)
                isMore = true
            }
        }
        try lookAtHosts()
        try record()
        // Only what is recorded as given up is removed, after all that did with it.
        freeing.add(unneeded)
    }

    /// Asks for what may start, some of each station ahead of what has room: all tasks of a station want the same of the machine,
    /// so that none of those behind could go before them.
    private func takeReady() {
        var isMore = !isCancelled
        while isMore {
            let ready = waiting.ordered(
                graph.takeReady {
                    Self.mostAhead - waiting.count(of: $0) - (recalling?.open(of: $0) ?? 0)
                })
            // What is done makes others ready.
            isMore = false
            for task in ready {
                if takeRecorded(task) { isMore = true } else { ask(task) }
            }
        }
    }

    private static let mostAhead = 256

    /// In a container the paths that tasks use are those of one task at a time.
    var isFull: Bool {
        free.cpus == 0 || images.engine == .container && running.values.contains(where: \.hasRoom)
    }

    func start(_ task: PlannedTask) throws(ExecutionFailure) {
        let number = nextNumber
        nextNumber += 1
        if board == nil { tellStarted(task) }
        let gpus = board == nil ? Array(freeGPUs.prefix(task.uses.gpus)) : []
        let started = RunningTask(
            task, number: number, attempt: resting.attempt(of: task), key: keys[task.id], gpus: gpus, in: around)
        running[number] = started
        if let board { return lease(task, number, attempt: started.attempt, to: board) }
        free.take(task.uses)
        freeGPUs.removeFirst(gpus.count)
        let (inbox, told) = (inbox, told.write)
        @Sendable func say(_ past: RunningTask.Past?) {
            let isFirst = inbox.change { messages in
                messages.append((number, past))
                return messages.count == 1
            }
            var byte: UInt8 = 0
            if isFirst { _ = write(told, &byte, 1) }
        }
        do throws(OwnThread.Refused) {
            try crew.perform { say(started.perform { say(nil) }) }
        } catch { throw ExecutionFailure(error) }
    }
}
