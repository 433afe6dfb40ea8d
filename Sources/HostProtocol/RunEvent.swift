package import Digests
package import Plan

/// What happens in a run, as the journal records it and as it is followed: one JSON object each.
package struct RunEvent: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable {
        /// `text`: the metro's name; `engine`; `reason`; `boot`; `sandbox` where that is off.
        case runStarted
        /// A run that was cut off, or ended without its results, goes on: as in `runStarted`; `count`: how many of its tasks are
        /// done already. What was running is told by nothing more: it starts anew.
        case runResumed
        /// Nothing further is started until `runContinued`.
        case runPaused
        case runContinued
        /// `count`: tasks of `station` known by now; told again when more become known.
        case stationPlanned
        /// With `command`, `seed` where the command gets one, and `key` where it is known by what it takes.
        case taskStarted
        /// With `files` and `seconds`; with `text` where it looked at a file of an input that is not valid: why.
        case taskDone
        /// What it would make is there from an earlier run: as in `taskDone`, `seconds` being what it took then. It was not
        /// started.
        case taskReused
        /// With `exitCode` or `signal`, `text` (the reason), `printed` (the end of what it wrote to standard error, else of what it
        /// printed).
        case taskFailed
        /// It failed, as in `taskFailed`, and is started once more: `count` says which attempt comes, `seconds` after what
        /// pause.
        case taskRetried
        /// A station, or the task of one, that can't run because what it takes failed; `text` names it.
        case taskSkipped
        /// Nothing needs any more what it made: it is removed from the run.
        case taskFreed
        /// A host that the task was leased to is gone, or was slower than another: it goes to another one. `host`: that it was
        /// leased to, `text`: why, `count`: 1 where it had begun there, so that it runs again.
        case taskMoved
        /// `text`: a note for the person (what a weak rung can't isolate, inputs left out).
        case note
        /// Two machines wrote one file of a workspace at once: `workspace`, `path` (where the one lies that is kept beside), `text`: that
        /// in words.
        case collision
        /// `succeeded`; `files`: the results, as `STATION/FILE`.
        case runEnded
    }

    package struct File: Hashable, Sendable, Codable {
        /// Relative to the task's folder below `made`; in `runEnded` relative to the results.
        package let path: String
        package let size: Int64
        /// nil for a folder, and for a link.
        package let digest: Digest?
        /// nil for no.
        package let isProgram: Bool?
        /// Of a link: what it says, and whether that is a folder.
        package let target: String?
        package let leadsToFolder: Bool?

        package init(
            path: String, size: Int64, digest: Digest?, isProgram: Bool = false, target: String? = nil,
            leadsToFolder: Bool = false
        ) {
            (self.path, self.size, self.digest, self.target) = (path, size, digest, target)
            (self.isProgram, self.leadsToFolder) = (isProgram ? true : nil, leadsToFolder ? true : nil)
        }
    }

    /// 1, 2, 3… in the order of the journal.
    package var sequence: Int
    /// Seconds since 1970 by the host's clock.
    package var time: Double
    package var kind: Kind
    package var task: TaskID?
    package var station: StationID?
    package var count: Int?
    package var text: String?
    package var reason: String?
    package var engine: String?
    /// `off` where tasks are not kept apart; nil where they are, as far as the engine can.
    package var sandbox: String?
    package var exitCode: Int?
    package var signal: Int?
    package var seconds: Double?
    package var printed: String?
    package var succeeded: Bool?
    package var files: [File]?
    package var seed: Int?
    /// In `taskDone` and `taskReused` of a turn: what of `until` does not hold after it; nil where all does.
    package var unmet: String?
    /// Of a task that has ended: seconds of processors' time, and bytes that its largest process had in memory at once; nil for
    /// less than can be told.
    package var cpuSeconds: Double?
    package var peakMemory: Int64?
    /// What is run; a very long one is shortened.
    package var command: String?
    /// What the task is known by.
    package var key: KeyParts?
    /// Which start of the machine it was: where it is another one now, what was not synced may be lost.
    package var boot: String?
    /// In a run over several hosts: the one that did it.
    package var host: String?

    package var workspace: String?
    /// Of a file in it.
    package var path: String?

    package init(sequence: Int, time: Double, kind: Kind) {
        (self.sequence, self.time, self.kind) = (sequence, time, kind)
    }
}
