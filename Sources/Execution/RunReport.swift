package import Digests
package import Files
package import HostProtocol
internal import JSON
package import Plan

/// What a run did, as its journal, plan and start say: for each task what ran, on what, in what, and what came of it.
package struct RunReport: Sendable {
    package enum Outcome: String, Sendable {
        case done, reused, failed, running
        /// It looked at a file that is not valid.
        case leftOut = "left out"
        /// It was running when the run was cut off.
        case cutOff = "cut off"
    }

    package struct Task: Sendable {
        package let id: TaskID
        package let station: StationID
        package var outcome = Outcome.running
        /// As it was started, long ones shortened.
        package var command: String?
        /// Of the environment's image.
        package var environment: Digest?
        /// What it is known by; nil for one that is known by nothing.
        package var key: KeyParts?
        /// Seconds since 1970: when it was started for the last time, or taken from an earlier run.
        package var began: Double
        package var seconds: Double?
        package var cpuSeconds: Double?
        package var peakMemory: Int64?
        /// How often it was started.
        package var attempts = 1
        package var exitCode: Int?
        package var signal: Int?
        package var seed: Int?
        /// Why it failed, or what it left out.
        package var reason: String?
        package var outputs: [RunEvent.File] = []
        /// What it made was removed from the run when nothing needed it any more.
        package var isFreed = false
        /// In a run over several hosts: the one that did it.
        package var host: String?
        /// The hosts that it was taken from, since they were lost; `true` where it had begun there, so that it ran again.
        package var moves: [(host: String, hadBegun: Bool)] = []
    }

    /// The run as a whole.
    package let summary: RunSummary
    package private(set) var engine = ""
    package private(set) var reason = ""
    /// `off` where tasks were not kept apart.
    package private(set) var sandbox: String?
    package private(set) var notes: [String] = []
    /// When it was started and went on, seconds since 1970.
    package private(set) var starts: [Double] = []
    /// In the order in which they began.
    package private(set) var tasks: [Task] = []
    /// Of the metro's image, and of the environments' by their names.
    package let metroImage: Digest?
    package let environments: [String: Digest]
    package private(set) var results: [RunEvent.File] = []

    /// - Parameter found: its summary, where that is known already.
    package init(_ run: RunID, in lash: LASH, found: RunSummary? = nil) {
        let folder = RunFolder(run, in: lash)
        summary = found ?? RunSummary(run, in: lash)
        let start = try? folder.readStart()
        metroImage = start?.metro.digest
        environments = start?.environments.mapValues(\.digest) ?? [:]
        let plan = (try? File.read(folder.plan, atMost: 256 << 20)).flatMap {
            try? JSONText.decode(Plan.self, from: $0)
        }
        var images: [StationID: Digest] = [:]
        for station in plan?.stations ?? [] { images[station.id] = environments[station.environment.name] }
        var numbers: [TaskID: Int] = [:]
        for event in Journal.read(folder.journal) { add(event, images, &numbers) }
        if !summary.isGoingOn {
            for number in tasks.indices where tasks[number].outcome == .running { tasks[number].outcome = .cutOff }
        }
    }

    private mutating func add(_ event: RunEvent, _ images: [StationID: Digest], _ numbers: inout [TaskID: Int]) {
        switch event.kind {
        case .runStarted, .runResumed:
            (engine, reason, sandbox) = (event.engine ?? "", event.reason ?? "", event.sandbox)
            starts.append(event.time)
            for number in tasks.indices where tasks[number].outcome == .running { tasks[number].outcome = .cutOff }
        case .note, .collision: if let text = event.text { notes.append(text) }
        case .runEnded: results = event.files ?? []
        default:
            guard let id = event.task, let station = event.station else { return }
            let number = numbers[id] ?? tasks.count
            if number == tasks.count {
                numbers[id] = number
                tasks.append(
                    Task(id: id, station: station, environment: images[station], began: event.time, attempts: 0))
            }
            tasks[number].add(event)
        }
    }
}

extension RunReport.Task {
    fileprivate mutating func add(_ event: RunEvent) {
        switch event.kind {
        case .taskStarted:
            (outcome, began, command, seed, key) = (.running, event.time, event.command, event.seed, event.key)
            (reason, exitCode, signal, host) = (nil, nil, nil, event.host)
            attempts += 1
        case .taskMoved:
            outcome = .cutOff
            moves.append((event.host ?? "", event.count != nil))
            return
        case .taskReused:
            (outcome, began, command, seed, key) = (.reused, event.time, event.command, event.seed, event.key)
            (reason, seconds) = (event.text, event.seconds)
            outputs = event.files ?? []
        case .taskDone:
            (outcome, reason, exitCode) = (
                event.text == nil ? .done : .leftOut, event.text, event.text == nil ? 0 : nil
            )
            outputs = event.files ?? []
            isFreed = false
        case .taskFreed:
            isFreed = true
            return
        case .taskFailed, .taskRetried:
            (outcome, reason) = (.failed, event.text)
            (exitCode, signal) = (event.exitCode, event.signal)
        default: return
        }
        if event.kind != .taskStarted, event.kind != .taskReused {
            (seconds, cpuSeconds, peakMemory) = (event.seconds, event.cpuSeconds, event.peakMemory)
        }
    }
}
