package import Digests
package import Failures
package import Parts

package struct Hello: Hashable, Sendable, Codable {
    /// `Frame.version` of the sender.
    package var version: Int
    /// "las 0.1.0" or "las-runtime 0.1.0".
    package var program: String
    /// What the host has; only from a runtime.
    package var host: HostFacts?
    /// Only from a runtime: whether it starts nothing but what is signed by a key that is trusted there; nil for no.
    package var demandsSignature: Bool?

    package init(version: Int, program: String, host: HostFacts?, demandsSignature: Bool = false) {
        (self.version, self.program, self.host) = (version, program, host)
        self.demandsSignature = demandsSignature ? true : nil
    }
}

/// What `doctor` finds out about a host.
package struct HostFacts: Hashable, Sendable, Codable {
    package var name: String
    package var architecture: String
    package var kernel: String
    package var cpus: Int
    package var memory: Int64
    /// Free bytes where LASH lies.
    package var freeDisk: Int64
    package var isRoot: Bool
    /// The name of one of docs/runtime.md's engines, and why no better one; nil where nobody asked for it to be tried.
    package var engine: String?
    package var reason: String?
    /// What the better rungs lack; notes for the person.
    package var notes: [String]
    /// How many processes wanted to run, averaged over the last minute.
    package var load: Double?
    package var gpus: Int?
    /// What else is there; nil where nobody asked for it to be tried.
    package var offers: Offers?

    package struct Offers: Hashable, Sendable, Codable {
        /// Why each can't be had; nil where it can.
        package var loopDevices: String?
        package var fuse: String?
        package var userNamespaces: String?
        /// `v2`, `v1` or `none`.
        package var cgroups: String
        /// Why control groups can't hold tasks to their memory; nil where they can, and from a runtime that does not say.
        package var memoryLimits: String?
        package var gpus: Int

        package init(
            loopDevices: String?, fuse: String?, userNamespaces: String?, cgroups: String, memoryLimits: String? = nil,
            gpus: Int
        ) {
            (self.loopDevices, self.fuse, self.userNamespaces) = (loopDevices, fuse, userNamespaces)
            (self.cgroups, self.memoryLimits, self.gpus) = (cgroups, memoryLimits, gpus)
        }
    }

    package init(
        name: String, architecture: String, kernel: String, cpus: Int, memory: Int64, freeDisk: Int64, isRoot: Bool,
        engine: String? = nil, reason: String? = nil, notes: [String] = [], load: Double? = nil, gpus: Int? = nil,
        offers: Offers? = nil
    ) {
        (self.gpus, self.offers) = (gpus, offers)
        (self.name, self.architecture, self.kernel, self.cpus) = (name, architecture, kernel, cpus)
        (self.memory, self.freeDisk, self.isRoot) = (memory, freeDisk, isRoot)
        (self.engine, self.reason, self.notes, self.load) = (engine, reason, notes, load)
    }
}

package struct Offer: Hashable, Sendable, Codable {
    package var parts: [Part]
    package init(parts: [Part]) { self.parts = parts }
}

package struct Have: Hashable, Sendable, Codable {
    package var parts: [Digest]
    /// Other parts that the host keeps, where some are missing: a part may be told by what it shares with one of them.
    package var kept: [Digest]?

    /// The zstd by which the host compresses tables of images again, so that they may be told by their difference; nil from a
    /// runtime that can't.
    package var tables: String?

    /// The most that are told.
    package static let mostKept = 64

    package init(parts: [Digest], kept: [Digest]? = nil, tables: String? = nil) {
        (self.parts, self.kept, self.tables) = (parts, kept, tables)
    }
}

/// A part begins. The extents follow in `extents` frames (the binary list of `docs/bundle-format.md`, or with `like` a difference
/// from the list of that part, as `docs/host-protocol.md` has it; in as many frames as it needs, ended by an empty one). With
/// `tables` the part is an image, and its tables follow in `tables` frames as what they are to those of that part. The
/// host answers with `want` frames: runs of extents, ended by an empty one. Then exactly the bytes of these in `data`
/// frames, then `commit` with this header again.
package struct PartHeader: Hashable, Sendable, Codable {
    package var part: Part
    package var like: Digest?
    package var tables: Digest?
    package init(part: Part, like: Digest? = nil, tables: Digest? = nil) {
        (self.part, self.like, self.tables) = (part, like, tables)
    }
}

package struct Committed: Hashable, Sendable, Codable {
    package var digest: Digest
    package init(digest: Digest) { self.digest = digest }
}

package struct Start: Hashable, Sendable, Codable {
    package var run: RunID
    /// The metro's part and those of the environments; all committed.
    package var parts: [Part]
    /// How many cpus the run may use; nil for all of the host's.
    package var cpus: Int?
    /// Whether the run ends when this connection does (`las run`), or goes on (`las deploy`).
    package var tethered: Bool
    /// Forces a rung: "kernel" or "extraction"; nil for the best.
    package var engine: String?
    /// `off`: tasks are not kept apart; only from the user of the machine itself. nil for on.
    package var sandbox: String?
    /// Nothing is taken from earlier runs; nil for no.
    package var isFresh: Bool?
    /// The bundle that the parts are from, where they are from one.
    package var bundle: SentBundle?
    /// A failure ends the run; nil for no.
    package var failsFast: Bool?
    /// Where las puts the results, for who resumes the run: the host keeps it and does nothing with it.
    package var results: String?
    /// The secrets that the stations name, for the run's process alone: the host writes them nowhere.
    package var secrets: [String: String]?
    /// The host's labels, for stations with `at`; nil for none.
    package var labels: [String]?
    /// Who runs its steps; nil for the host itself.
    package var cluster: ClusterStart?

    package init(
        run: RunID, parts: [Part], cpus: Int?, tethered: Bool, engine: String?, isFresh: Bool = false,
        failsFast: Bool = false,
        bundle: SentBundle? = nil, results: String? = nil, secrets: [String: String] = [:], cluster: ClusterStart? = nil
    ) {
        self.secrets = secrets.isEmpty ? nil : secrets
        self.cluster = cluster
        (self.run, self.parts, self.cpus, self.tethered, self.engine) = (run, parts, cpus, tethered, engine)
        (self.isFresh, self.bundle, self.results) = (isFresh ? true : nil, bundle, results)
        self.failsFast = failsFast ? true : nil
    }
}

/// An engine that a host submits the steps of a run to.
package struct ClusterStart: Hashable, Sendable, Codable {
    /// `slurm`.
    package var engine: String
    /// As on the command line, without dashes: `partition`, `account`.
    package var options: [String: String]

    package init(engine: String, options: [String: String]) { (self.engine, self.options) = (engine, options) }
}

package struct Started: Hashable, Sendable, Codable {
    package var run: RunID
    package init(run: RunID) { self.run = run }
}

/// Has a run go on that was cut off, or ended without its results.
package struct Resume: Hashable, Sendable, Codable {
    package var run: RunID
    /// As in `Start`.
    package var tethered: Bool
    /// Another number than the run was started with; nil for the same.
    package var cpus: Int?
    /// As in `Start`: nobody has kept them.
    package var secrets: [String: String]?
    package init(run: RunID, tethered: Bool, cpus: Int? = nil, secrets: [String: String] = [:]) {
        self.secrets = secrets.isEmpty ? nil : secrets
        (self.run, self.tethered, self.cpus) = (run, tethered, cpus)
    }
}

package struct Follow: Hashable, Sendable, Codable {
    package var run: RunID
    /// The first sequence number wanted.
    package var from: Int
    /// Whether what tasks make is wanted as well: after each `taskDone` and `taskReused` its files follow as results do, their paths relative to
    /// the task's folder, and then `done`. nil for no.
    package var files: Bool?
    /// Only what has happened until now: `done` ends it where the run goes on, as `runEnded` does where it has ended. nil for no.
    package var untilNow: Bool?

    package init(run: RunID, from: Int, files: Bool? = nil, untilNow: Bool = false) {
        (self.run, self.from, self.files, self.untilNow) = (run, from, files, untilNow ? true : nil)
    }
}

package struct Cancel: Hashable, Sendable, Codable {
    package var run: RunID
    /// What is wanted of the run: `pause`, `continue`; nil for its end.
    package var wish: String?
    package init(run: RunID, wish: String? = nil) { (self.run, self.wish) = (run, wish) }
}

/// Asks for the run's results: the files below its `results` folder.
package struct Fetch: Hashable, Sendable, Codable {
    package var run: RunID
    /// Only those of this station; nil for all.
    package var station: String?
    /// What its tasks printed, in the place of its results: the files below its `logs` folder. nil for no.
    package var logs: Bool?
    /// What lies here of its files since an earlier fetch was cut off; nil for nothing.
    package var begun: [BegunFile]?
    package init(run: RunID, station: String? = nil, logs: Bool = false, begun: [BegunFile] = []) {
        (self.run, self.station, self.logs) = (run, station, logs ? true : nil)
        self.begun = begun.isEmpty ? nil : begun
    }
}

/// The first bytes of a result, which need not be sent again.
package struct BegunFile: Hashable, Sendable, Codable {
    /// As in `FileHeader`.
    package var path: String
    package var size: Int64
    /// SHA-256 of these bytes.
    package var digest: Digest

    package init(path: String, size: Int64, digest: Digest) {
        (self.path, self.size, self.digest) = (path, size, digest)
    }
}

/// A result begins: `path` is relative to the results (`STATION/FILE`); a folder has no data and no digest.
package struct FileHeader: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable { case file, folder }
    package var path: String
    package var kind: Kind
    package var size: Int64
    package var executable: Bool
    /// How many of its bytes are not sent, since las has them and they are the same; nil for none.
    package var from: Int64?

    package init(path: String, kind: Kind, size: Int64, executable: Bool, from: Int64? = nil) {
        (self.path, self.kind, self.size, self.executable) = (path, kind, size, executable)
        self.from = from
    }
}

package struct FileEnd: Hashable, Sendable, Codable {
    /// SHA-256 of the file's bytes; nil for a folder.
    package var digest: Digest?
    package init(digest: Digest?) { self.digest = digest }
}

/// Removes what the run left on the host, but not the parts.
package struct Clean: Hashable, Sendable, Codable {
    package var run: RunID
    /// Its journal and logs stay; nil for no.
    package var keepsRecord: Bool?
    package init(run: RunID, keepsRecord: Bool = false) {
        (self.run, self.keepsRecord) = (run, keepsRecord ? true : nil)
    }
}

package struct Done: Hashable, Sendable, Codable {
    package init() {}
}

/// Why something was not done, as the other side puts it. Shown to the person with control characters taken out.
package struct Refusal: Failure, Hashable, Codable {
    package var summary: String
    package var cause: String?
    package var fix: String?
    package var exitCode: ExitCode

    package init(summary: String, cause: String? = nil, fix: String? = nil, exitCode: ExitCode) {
        (self.summary, self.cause, self.fix, self.exitCode) = (summary, cause, fix, exitCode)
    }
}

/// From here on the bytes of parts come over so many further channels, a `data` frame over each in turn: more of them are on their way at
/// once than one channel lets through. 0 ends that.
package struct Lines: Hashable, Sendable, Codable {
    /// What the channels find each other by: the word of `las-runtime line`.
    package var word: String
    package var count: Int

    package static let most = 8

    package init(word: String, count: Int) { (self.word, self.count) = (word, count) }

    /// Whether it can be a file's name, and nobody guesses it.
    package var isFit: Bool {
        (0...Self.most).contains(count) && (16...64).contains(word.utf8.count)
            && word.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
    }
}

/// Frees what no run of the host needs: parts, images that were unpacked, older runtimes, parts that never came whole.
package struct Clear: Hashable, Sendable, Codable {
    /// Only what was not used for so many days.
    package var days: Int
    /// Says what would go, and takes nothing away; nil for no.
    package var isDry: Bool?

    package init(days: Int, isDry: Bool = false) { (self.days, self.isDry) = (days, isDry ? true : nil) }
}

package struct Cleared: Hashable, Sendable, Codable {
    package struct Kind: Hashable, Sendable, Codable {
        /// `parts`, `images`, `runtimes`, `incoming`.
        package var name: String
        package var count: Int
        package var bytes: Int64
        package init(name: String, count: Int, bytes: Int64) {
            (self.name, self.count, self.bytes) = (name, count, bytes)
        }
    }

    package var gone: [Kind]
    /// What stays since a run needs it, or it is not old enough.
    package var kept: [Kind]
    /// Whether the parts are left to “las store gc” there: somebody packs with this LASH.
    package var isOwn: Bool?

    package init(gone: [Kind], kept: [Kind], isOwn: Bool = false) {
        (self.gone, self.kept, self.isOwn) = (gone, kept, isOwn ? true : nil)
    }
}
