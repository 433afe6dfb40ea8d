package import Digests
package import Files
package import Plan

/// A task that a host is to run, when all is there that it takes: that was sent before.
package struct Lease: Hashable, Sendable, Codable {
    /// The digest of the task, of what it takes, and of the attempt: the same for whoever asks for the same.
    package var id: Digest
    /// 1, and more where it failed before.
    package var attempt: Int
    package var task: PlannedTask

    package init(id: Digest, attempt: Int, task: PlannedTask) {
        (self.id, self.attempt, self.task) = (id, attempt, task)
    }
}

/// What a host has of a run when las comes to it, for the first time or again.
package struct Standing: Hashable, Sendable, Codable {
    package struct Held: Hashable, Sendable, Codable {
        /// A task's folder below `made`.
        package var made: String
        /// Of all that lies there.
        package var digest: Digest
        package init(made: String, digest: Digest) { (self.made, self.digest) = (made, digest) }
    }

    /// Leases that wait or run.
    package var open: [Digest]
    /// Those that have ended, and whose end las has not taken: it comes when the same is leased again.
    package var ended: [Digest]
    package var held: [Held]
    package var isLast: Bool
    /// Of each list: the most in one frame.
    package static let most = 2000

    package init(open: [Digest], ended: [Digest], held: [Held], isLast: Bool) {
        (self.open, self.ended, self.held, self.isLast) = (open, ended, held, isLast)
    }
}

/// A folder that a task made, or what a task printed, is on its way: first the list, in as many headers as it takes, then the bytes
/// of its files, one behind another, in `data` frames of any length.
package struct MadeHeader: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable { case made, logs }
    package var kind: Kind
    /// Of `made`: the task's folder below the run's `made`. Of `logs`: empty, the files' paths are relative to the run's `logs`.
    package var path: String
    package var files: [RunEvent.File]
    package var isLast: Bool

    package init(kind: Kind, path: String, files: [RunEvent.File], isLast: Bool) {
        (self.kind, self.path, self.files, self.isLast) = (kind, path, files, isLast)
    }

    /// The list in pieces that frames hold.
    package static func pieces(_ kind: Kind, _ path: String, _ files: [RunEvent.File]) -> [MadeHeader] {
        var pieces: [MadeHeader] = []
        var (piece, size): ([RunEvent.File], Int) = ([], 0)
        for file in files {
            // A character may be written as six.
            let length = 6 * (file.path.utf8.count + (file.target?.utf8.count ?? 0)) + 240
            if !piece.isEmpty, size + length > Frame.largestPayload / 2 {
                pieces.append(MadeHeader(kind: kind, path: path, files: piece, isLast: false))
                (piece, size) = ([], 0)
            }
            piece.append(file)
            size += length
        }
        return pieces + [MadeHeader(kind: kind, path: path, files: piece, isLast: true)]
    }
}

package struct LeaseBegan: Hashable, Sendable, Codable {
    package var id: Digest
    package init(id: Digest) { self.id = id }
}

/// One lease, by its id.
package struct LeaseNote: Hashable, Sendable, Codable {
    package var id: Digest
    package init(id: Digest) { self.id = id }
}

/// How a leased task ended.
package struct LeaseEnded: Hashable, Sendable, Codable {
    package enum Outcome: String, Hashable, Sendable, Codable {
        /// What it made came before this, as a folder of the kind `made`.
        case done
        /// It looked at a file of an input.
        case checked
        case failed
    }

    package var id: Digest
    package var outcome: Outcome
    /// Of a turn that is done: what of `until` does not hold.
    package var unmet: String?
    /// Of `checked`: why the file is not valid.
    package var objection: String?
    /// Of `failed`, as in `RunEvent`.
    package var reason: String?
    package var exitCode: Int?
    package var signal: Int?
    /// Whether the same would come of it if it was tried again.
    package var isFinal: Bool?
    package var seconds = 0.0
    package var cpuSeconds = 0.0
    package var peakMemory: Int64?
    package var printed: String?
    /// What was written meanwhile in workspaces that are a folder which all machines see.
    package var wrote: [WrittenFiles]?
    /// What the person is to hear of this host, told once.
    package var notes: [String]?

    package init(id: Digest, outcome: Outcome) { (self.id, self.outcome) = (id, outcome) }
}

/// Files of a workspace that is a folder which all machines see: what programs of one machine wrote there while a task ran.
package struct WrittenFiles: Hashable, Sendable, Codable {
    package let workspace: String
    /// What the folder lies on there: two hosts with the same are one machine.
    package let fileSystem: String
    package let paths: [RelativePath]

    /// Of all paths that one end of a task tells, about.
    package static let mostBytes = 256 << 10

    package init(workspace: String, fileSystem: String, paths: [RelativePath]) {
        (self.workspace, self.fileSystem, self.paths) = (workspace, fileSystem, paths)
    }
}

/// One side of a connection on which both sides send when they have something. All calls come from one thread.
package protocol FrameTalk: AnyObject, Sendable {
    /// What is to be sent next; nil where there is nothing now.
    func outgoing() throws -> Frame?
    func take(_ frame: Frame) throws
    /// Called whenever the thread was woken, at least each few seconds.
    /// - Throws: where the other side has been silent for too long.
    func look() throws
    /// Seconds that the other side may take nothing of what is sent.
    var silence: Double { get }
    /// Whether all has been said.
    var isOver: Bool { get }
}
