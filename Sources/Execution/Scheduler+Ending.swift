internal import Files
internal import Glibc
internal import HostProtocol
internal import Plan
internal import Threads

/// What becomes of a task that has ended: it is recorded, and others can start, rests, or fails.
extension Scheduler {
    /// The next one starts while this one's outputs are looked at, but not without bound.
    func settles(_ task: RunningTask) {
        task.isSettling = true
        settlingCount += 1
        if settlingCount <= 2 * capacity.cpus { giveRoom(of: task) }
    }

    func ended(_ running: RunningTask, _ past: RunningTask.Past) throws(ExecutionFailure) {
        let task = running.task
        if running.isSettling { settlingCount -= 1 }
        remove(running)
        switch past.outcome {
        case .failed(let failed): fail(task, failed, past)
        case .checked(let objection):
            let note: String?
            do { note = try graph.checked(task.id, objection: objection) } catch {
                return fail(task, .init(reason: error.summary), past)
            }
            end(pastOf: task, .done)
            keys[task.id] = nil
            tell(.taskDone, task) {
                $0.text = objection
                $0.files = []
                past.fill(&$0)
            }
            if let note { tell(.note) { $0.text = note } }
        case .done(let outputs, let turn):
            do { try graph.finished(task.id, made: outputs.made, turn: turn) } catch {
                // A failure is tried anew each time.
                keys[task.id].map(reuse.store.forget)
                let reason = error.summary + (error.cause.map { ": \($0)" } ?? "")
                return fail(task, .init(reason: reason, end: .exited(0), mayRetry: false), past)
            }
            compare(task, outputs.entries)
            take(outputs.entries, of: task)
            syncing.add(outputs.entries, of: task)
            tell(.taskDone, task) {
                $0.files = outputs.files
                $0.unmet = turn?.unmet
                past.fill(&$0)
            }
        }
    }

    /// Records what a task made, for those that take it.
    func take(_ entries: [MadeEntry], of task: PlannedTask) {
        keys[task.id] = nil
        end(pastOf: task, .done)
        if isResult(task) {
            for entry in entries {
                if let digest = entry.digest { made[ExactText(task.made + "/" + entry.path)] = digest }
            }
        }
        madeDigests.add(task, MadeEntry.digest(of: entries))
        board?.add(task.made, entries)
    }

    /// Of more tasks than are remembered only those are known that have not ended.
    private func end(pastOf task: PlannedTask, _ outcome: TaskHistory.Outcome?) {
        if pasts.count > TaskHistory.mostTasks + 1 {
            pasts[task.id] = nil
        } else {
            pasts[task.id]?.outcome = outcome
        }
    }

    func giveRoom(of task: RunningTask) {
        if task.hasRoom, board == nil {
            free.give(task.task.uses)
            freeGPUs = (freeGPUs + task.gpus).sorted()
        }
        task.hasRoom = false
    }

    func remove(_ task: RunningTask) {
        running[task.number] = nil
        giveRoom(of: task)
    }

    func fail(_ task: PlannedTask, _ failed: RunningTask.Failed, _ past: RunningTask.Past) {
        func fill(_ event: inout RunEvent) {
            switch failed.end {
            case .exited(let code): event.exitCode = Int(code)
            case .signaled(let signal): event.signal = Int(signal)
            case nil: break
            }
            event.printed = past.printed
            past.fill(&event)
        }
        if failed.mayRetry, !past.wasCancelled, retry(task, failed.reason, fill) { return }
        fail(task, past.wasCancelled ? stopped : failed.reason, fill)
    }

    /// Lets a task that failed rest, to be started once more.
    ///
    /// - Returns: false where it has had all its attempts.
    func retry(_ task: PlannedTask, _ reason: String, _ fill: (inout RunEvent) -> Void = { _ in }) -> Bool {
        guard !isCancelled, let (attempt, pause) = resting.rest(task, from: Clock.monotonic) else { return false }
        tell(.taskRetried, task) {
            $0.text = reason
            fill(&$0)
            $0.count = attempt
            $0.seconds = pause
        }
        return true
    }

    func fail(_ task: PlannedTask, _ reason: String, _ fill: (inout RunEvent) -> Void = { _ in }) {
        failures += 1
        end(pastOf: task, isCancelled ? nil : .failed)
        tell(.taskFailed, task) {
            $0.text = reason
            fill(&$0)
        }
        for skipped in graph.failed(task.id) {
            tell(.taskSkipped) {
                $0.station = skipped.station
                $0.task = skipped.task
                $0.text = isCancelled ? stopped : "\(skipped.because) failed"
            }
        }
        if failsFast, !isCancelled { stop("the run was stopped, since \(task.id) failed") }
    }

    func stop(_ reason: String) {
        stopped = reason
        cancel()
    }
}

extension RunningTask.Past {
    func fill(_ event: inout RunEvent) {
        event.seconds = seconds
        event.cpuSeconds = usage.user + usage.system
        // The kernel counts on from what the runtime's own process had in memory; a host has told what is beyond that.
        let floor = isFromHost ? 0 : usage.floorMemory ?? OwnMemory.peak
        event.peakMemory = usage.peakMemory > floor ? usage.peakMemory : nil
    }
}

/// What this process has had in memory at once.
enum OwnMemory {
    static var peak: Int64 {
        var used = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &used)
        return Int64(used.ru_maxrss) * 1024
    }
}
