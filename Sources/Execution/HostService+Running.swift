internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import JSON

extension HostService {
    private enum Token {
        static let input: UInt64 = 0
        static let journal: UInt64 = 1
    }

    /// Sends the run's events until it has ended, and takes `cancel` meanwhile.
    func follow(_ follow: Follow) throws {
        let folder = try existing(follow.run)
        let follower = try JournalFollower(folder.journal)
        let poller = try Poller()
        try poller.add(channel.input, token: Token.input)
        try poller.add(follower.watcher, token: Token.journal)
        var deadline = follower.nextLook(isTold: true)
        var hasInput = false
        while true {
            while let frame = try channel.readAvailable(filling: hasInput) {
                hasInput = false
                try takeCancel(frame)
            }
            if channel.isAtEnd { return }
            // Asked before the last look, so that nothing is written between the two.
            let isHeld = follower.isHeld
            let events = try follower.take()
            for (number, event) in events.enumerated() {
                // An end from which the run went on is none.
                if event.kind == .runEnded, number < events.count - 1 || event.sequence <= resumedAt[follow.run] ?? 0 {
                    continue
                }
                if event.sequence >= follow.from {
                    try channel.send(Frame(.event, json: event.fittingFrame))
                    if follow.files ?? false, event.kind == .taskDone || event.kind == .taskReused {
                        try sendMade(by: event, in: folder)
                    }
                }
                if event.kind == .runEnded { return reap() }
            }
            if !isHeld {
                reap()
                throw crash(folder)
            }
            if follow.untilNow ?? false { return try channel.send(Frame(.done, json: Done())) }
            let ready = try poller.wait(until: deadline)
            deadline = follower.nextLook(
                isTold: ready.contains { $0.token == Token.journal }, isLate: ready.isEmpty)
            hasInput = ready.contains { $0.token == Token.input }
        }
    }

    private func takeCancel(_ frame: Frame) throws {
        guard frame.kind == .cancel else {
            throw ProtocolFailure.unexpected(kind: frame.kind, awaited: "“cancel”, while a run is followed,")
        }
        do { try cancel(try frame.decode(Cancel.self)) } catch let failure as any Failure {
            if failure is ProtocolFailure { throw failure }
            try channel.send(Frame(.refusal, json: Refusal(failure)))
        }
    }

    private func crash(_ folder: RunFolder) -> ExecutionFailure {
        let log = (try? File.read(folder.log, atMost: 1 << 20)) ?? []
        let text = String(decoding: log.suffix(2000), as: UTF8.self)
        return ExecutionFailure(
            "the run's process ended without ending the run", place: folder.path,
            cause: text.isEmpty ? "it was killed, or the host went down" : text,
            fix: "“las resume \(File.name(of: folder.path))” goes on where it was")
    }

    /// Asks the run's process to end it, or what else is wished. A run that has ended is fine.
    func cancel(_ cancel: Cancel) throws {
        let folder = try existing(cancel.run)
        switch cancel.wish {
        case nil: if Journal.isHeld(folder.journal) { try signal(cancel.run, folder) }
        case "pause": try RunControl(folder).ask(.pause)
        case "continue": try RunControl(folder).ask(.goOn)
        case let wish?:
            throw ExecutionFailure("this host can't do “\(Shown.text(wish))” with a run", exitCode: .usage)
        }
        try channel.send(Frame(.done, json: Done()))
    }

    private func signal(_ run: RunID, _ folder: RunFolder) throws {
        reap()
        if let pid = started[run] {
            kill(pid, SIGTERM)
            return
        }
        try RunControl(folder).ask(.cancel)
    }

    // MARK: Results

    /// Sends all files and folders below the run's results, or its logs.
    func sendResults(_ fetch: Fetch) throws {
        let folder = try existing(fetch.run)
        let begun = Dictionary((fetch.begun ?? []).map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        if fetch.logs ?? false {
            try sendFolder("", below: folder.logs)
        } else if let station = fetch.station {
            guard let path = RelativePath(station), File.status("\(folder.results)/\(path)")?.kind == .folder else {
                throw ExecutionFailure(
                    "there are no results of “\(Shown.text(station))” among those of \(fetch.run)", exitCode: .usage)
            }
            try sendFolder(path.string, below: folder.results, begun)
        } else {
            try sendFolder("", below: folder.results, begun)
        }
        try channel.send(Frame(.done, json: Done()))
    }

    /// Sends what a task that is done has made.
    private func sendMade(by event: RunEvent, in folder: RunFolder) throws {
        if let task = event.task.flatMap({ RelativePath($0.name) }) {
            let root = "\(folder.made)/\(task)"
            for file in event.files ?? [] {
                guard RelativePath(file.path) != nil, let status = File.status("\(root)/\(file.path)", follow: true)
                else {
                    continue
                }
                switch status.kind {
                case .folder:
                    try channel.send(
                        Frame(.file, json: FileHeader(path: file.path, kind: .folder, size: 0, executable: false)))
                    try channel.send(Frame(.fileEnd, json: FileEnd(digest: nil)))
                case .file:
                    // A link among them leads to another of them, as was checked; what it leads to is sent.
                    guard let real = File.real("\(root)/\(file.path)"), let base = File.real(root),
                        let path = real.after(base + "/")
                    else { continue }
                    try sendFile(path, below: base, as: file.path)
                case .link, .other: continue
                }
            }
        }
        try channel.send(Frame(.done, json: Done()))
    }

    /// - Parameter begun: what las has of its files, by their paths.
    private func sendFolder(_ path: String, below root: String, _ begun: [String: BegunFile] = [:]) throws {
        for name in try Folder.names(in: path.isEmpty ? root : root + "/" + path) {
            let inner = path.isEmpty ? name : path + "/" + name
            guard RelativePath(inner) != nil, let status = File.status(root + "/" + inner) else { continue }
            switch status.kind {
            case .folder:
                try channel.send(
                    Frame(.file, json: FileHeader(path: inner, kind: .folder, size: 0, executable: false)))
                try channel.send(Frame(.fileEnd, json: FileEnd(digest: nil)))
                try sendFolder(inner, below: root, begun)
            case .file: try sendFile(inner, below: root, begun: begun[inner])
            // Results are files and folders; anything else was put there by someone else.
            case .link, .other: continue
            }
        }
    }
}

extension RunEvent {
    /// With so many files that no frame holds their list, those are left out that lie in folders.
    var fittingFrame: RunEvent {
        let largest = Frame.largestPayload * 8 / 10
        // A character may be written as six.
        guard let files, files.reduce(0, { $0 + 6 * $1.path.utf8.count + 180 }) > largest,
            JSONText.encode(self).count > largest
        else { return self }
        var event = self
        event.files = Array(
            files.filter { !$0.path.utf8.contains(UInt8(ascii: "/")) || $0.digest == nil }.prefix(1000))
        return event
    }
}
