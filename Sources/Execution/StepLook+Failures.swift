internal import HostProtocol
internal import Plan
internal import Threads

/// What has failed, is lost, or was cancelled.
extension StepLook {
    /// Steps that could have run, that the engine has ended with, and that nothing is recorded of.
    mutating func lost(_ known: StepAdvance.Known) -> [(step: StepID, task: TaskID)] {
        let gone = Set(known.gone)
        let all = Set(known.goneAll ? stations : known.goneStations)
        var lost: [(step: StepID, task: TaskID)] = []
        for station in stations where all.contains(station) || gone.contains(where: { $0.station == station }) {
            let names = names(of: station)
            for (number, task) in graph.open(of: station) {
                let step = StepID(station, number)
                if all.contains(station) || gone.contains(step), !names.contains("\(number).failed") {
                    lost.append((step, task))
                }
            }
        }
        return lost
    }

    mutating func takeFailures() throws {
        for station in stations {
            let names = names(of: station)
            for (number, _) in graph.open(of: station) where names.contains("\(number).failed") {
                guard let record = records.failed(StepID(station, number)) else { continue }
                takeFailure(record)
            }
        }
    }

    /// Turns before the one that failed are done, by the same record.
    private mutating func takeFailure(_ record: StepRecord) {
        let ends = Dictionary(record.ends.map { ($0.task, $0) }, uniquingKeysWith: { $1 })
        for event in record.events {
            guard let task = event.task else { continue }
            switch event.kind {
            case .taskDone:
                guard graph.isOpen(task), let end = ends[task] else { continue }
                do { try graph.take(end) } catch { continue }
                graph.handOut()
                tell(event)
                keep(event, of: task)
            case .taskFailed: fail(event)
            default: if failed[task] == nil, event.kind != .taskStarted || !started.contains(task) { tell(event) }
            }
        }
    }

    mutating func fail(_ event: RunEvent, because text: String? = nil) {
        guard let task = event.task else { return }
        hasSucceeded = false
        let isTold = failed[task] != nil
        if !isTold {
            failed[task] = event
            news.append(event)
        }
        for found in graph.failed(task) {
            var event = RunEvent(sequence: 0, time: event.time, kind: .taskSkipped)
            (event.station, event.task) = (found.station, found.task)
            event.text = text ?? "\(found.because) failed"
            allSkipped.append(event)
            if skipped.insert(found.task?.name ?? "\(found.station.name) ").inserted { news.append(event) }
        }
        allFailed.append(event)
    }

    mutating func tellFailuresAgain() {
        let fresh = news.filter { $0.kind != .taskFailed && $0.kind != .taskSkipped }
        news = fresh + allFailed + allSkipped
    }

    /// What has not ended ends now.
    mutating func cancel(_ reason: String) {
        for station in stations {
            for (_, task) in graph.open(of: station) where graph.isOpen(task) {
                var event = RunEvent(sequence: 0, time: Clock.wall, kind: .taskFailed)
                (event.task, event.station, event.text) = (task, station, reason)
                fail(event, because: reason)
            }
        }
    }
}
