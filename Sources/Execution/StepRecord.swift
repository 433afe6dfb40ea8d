internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Plan

/// What is recorded of a step, or of one of its turns: its events, as the run's journal will have them.
struct StepRecord: Sendable, Codable {
    var version = 1
    /// The inode of the folder that holds what it made. A renamed folder keeps it: so a record that was written before
    /// the renaming can be told from those of others who tried.
    var folder: UInt64?
    var events: [RunEvent]

    /// How the tasks ended.
    var ends: [TaskEnd] {
        events.compactMap { event in
            guard let task = event.task else { return nil }
            switch event.kind {
            case .taskDone:
                let made = (event.files ?? []).map { MadeEntry($0).made }
                return TaskEnd(task, made: made, unmet: event.unmet, objection: event.text)
            case .taskFailed: return TaskEnd(task, succeeded: false)
            default: return nil
            }
        }
    }

    /// What it tells of a task: that of a whole step tells of all its turns.
    func of(_ task: PlannedTask) -> StepRecord { StepRecord(events: events.filter { $0.task == task.id }) }
}

/// The records below `steps`: `STATION/NUMBER` of what is done, `.failed` of what is not, `NUMBER.TURN` of a turn while its step goes
/// on, `.begun` of what runs, `.try-…` of what may become a record.
struct StepRecords {
    let folder: StepFolder

    func place(_ step: StepID, turn: Int? = nil) -> String {
        "\(folder.steps)/\(step.station)/\(step.number)" + (turn.map { ".\($0)" } ?? "")
    }

    private func read(_ path: String) -> StepRecord? { SealedFile.read(StepRecord.self, path) }

    func done(_ step: StepID, turn: Int? = nil) -> StepRecord? { read(place(step, turn: turn)) }
    func failed(_ step: StepID) -> StepRecord? { read(place(step) + ".failed") }
    func begun(_ step: StepID) -> StepRecord? { read(place(step) + ".begun") }

    /// The names of a station's records. Opening the folder asks a file server anew, where looking for a name might give what
    /// this machine knew before.
    func names(_ station: StationID) -> [String] { (try? Folder.names(in: "\(folder.steps)/\(station)")) ?? [] }

    func writeBegun(_ event: RunEvent, of step: StepID) throws(FileFailure) {
        try Folder.make(File.parent(of: place(step)))
        try File.put(SealedFile.bytes(StepRecord(events: [event])), at: place(step) + ".begun")
    }

    func writeFailed(_ events: [RunEvent], of step: StepID) throws(FileFailure) {
        try Folder.make(File.parent(of: place(step)))
        try File.write(SealedFile.bytes(StepRecord(events: events)), to: place(step) + ".failed")
    }

    /// Records a step of several turns as one, instead of them.
    func gather(_ step: StepID, turns: [Int], _ events: [RunEvent]) throws(FileFailure) {
        try File.write(SealedFile.bytes(StepRecord(events: events)), to: place(step))
        for turn in turns { File.remove(place(step, turn: turn)) }
        clearAttempts(step)
    }

    func clearAttempts(_ step: StepID) {
        File.remove(place(step) + ".begun")
        File.remove(place(step) + ".failed")
    }

    // MARK: Committing

    /// How committing came out.
    enum Committed {
        case mine
        /// Someone else had the same task done before.
        case others(StepRecord)
    }

    /// Puts what a task made in its place, and its record, so that both are there or none counts: the first of several who try
    /// the same at once is the one.
    ///
    /// - Parameters:
    ///   - made: the folder of what it made; nil where it makes nothing.
    ///   - target: its place below `made`.
    ///   - aside: where a folder is moved that nobody's record tells of.
    func commit(
        _ record: StepRecord, _ step: StepID, turn: Int?, made: String?, to target: String, aside: String
    ) throws(FileFailure) -> Committed {
        let place = place(step, turn: turn)
        var record = record
        let own = made.flatMap { File.status($0)?.inode }
        record.folder = own
        let candidate = "\(place).try-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        try Folder.make(File.parent(of: place))
        try File.write(SealedFile.bytes(record), to: candidate, syncsFolder: false)
        defer { File.remove(candidate) }
        if let made {
            try Folder.make(File.parent(of: target))
            for attempt in 0... {
                if rename(made, target) == 0 || File.status(target)?.inode == own { break }
                let code = errno
                guard code == EEXIST || code == ENOTEMPTY else {
                    throw FileFailure("move what was made to", target, code: code)
                }
                // The candidate goes first: as long as it is there, its folder is.
                if let others = adopted(step, turn: turn, target: target, patience: 5) {
                    File.remove(candidate)
                    return .others(others)
                }
                if attempt == 3 { throw FileFailure("move what was made to", target, code: code) }
                try? Folder.make(File.parent(of: aside))
                _ = rename(target, "\(aside)-\(attempt)")
            }
        } else if let others = read(place) {
            return .others(others)
        }
        // Whoever found the folder before its record has published it, and may have ended the whole step since.
        if rename(candidate, place) != 0 {
            let code = errno
            if read(place) == nil, turn == nil || done(step) == nil { throw FileFailure("write", place, code: code) }
        }
        Folder.sync(File.parent(of: place))
        return .mine
    }

    /// The record of what lies in a task's place, made from what its maker left behind where it was killed just then.
    /// Of a turn it may be that of its whole step, which others have ended meanwhile.
    ///
    /// - Parameter patience: seconds to wait for a record that a file server may not show yet.
    func adopted(_ step: StepID, turn: Int?, target: String, patience: Int) -> StepRecord? {
        let place = place(step, turn: turn)
        for second in 0...patience {
            if second > 0 { sleep(1) }
            let names = names(step.station)
            if let record = read(place) { return record }
            // The turns' own are removed when the step's is there.
            if turn != nil, let whole = done(step) { return whole }
            guard let inode = File.status(target)?.inode else { return nil }
            for name in names where name.begins(with: File.name(of: place) + ".try-") {
                let candidate = File.parent(of: place) + "/" + name
                guard let record = read(candidate), record.folder == inode else { continue }
                _ = rename(candidate, place)
                if let record = read(place) { return record }
            }
        }
        return nil
    }
}
