package import Files
internal import Glibc
internal import HostProtocol
internal import Plan

/// What the tasks of a run printed, in `logs`.
package struct RunLogs {
    package struct Log: Hashable, Sendable {
        /// Below the run's `logs`: `align/s1.err`.
        package let path: String
        /// The task's or station's name: `align/s1`.
        package let name: String
        package let isErrors: Bool
        /// 1, and more for a task that was tried again.
        package let attempt: Int
    }

    private let folder: RunFolder

    package init(_ folder: RunFolder) { self.folder = folder }

    /// Those that hold something, sorted by their tasks and attempts.
    /// - Parameter name: of a station or a task; nil for all.
    package func logs(of name: String?) -> [Log] {
        var found: [Log] = []
        func look(_ path: String, attempt: Int) {
            let place = path.isEmpty ? folder.logs : "\(folder.logs)/\(path)"
            for entry in (try? Folder.names(in: place)) ?? [] {
                let inner = path.isEmpty ? entry : "\(path)/\(entry)"
                if File.status("\(folder.logs)/\(inner)")?.kind == .folder {
                    let again = path.isEmpty && entry.hasPrefix("attempt ") ? Int(entry.dropFirst(8)) : nil
                    look(inner, attempt: again ?? attempt)
                } else if let log = Self.log(inner, attempt: attempt), log.belongs(to: name),
                    File.status("\(folder.logs)/\(inner)")?.size ?? 0 > 0
                {
                    found.append(log)
                }
            }
        }
        look("", attempt: 1)
        return found.sorted {
            $0.name == $1.name
                ? ($0.attempt, $0.isErrors ? 1 : 0) < ($1.attempt, $1.isErrors ? 1 : 0)
                : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
    }

    private static func log(_ path: String, attempt: Int) -> Log? {
        guard path.hasSuffix(".err") || path.hasSuffix(".out") else { return nil }
        var name = String(path.dropLast(4))
        if attempt > 1, let slash = name.firstIndex(of: "/") { name = String(name[name.index(after: slash)...]) }
        return Log(path: path, name: name, isErrors: path.hasSuffix(".err"), attempt: attempt)
    }

    package func read(_ log: Log) throws(FileFailure) -> [UInt8] { try File.read("\(folder.logs)/\(log.path)") }

    // MARK: Following

    /// Hands on what is printed, from its beginning, up to the run's end; the kernel tells when there is more.
    /// - Parameter each: gets a log and what came to it.
    package func follow(_ name: String?, _ each: (Log, [UInt8]) -> Void) throws {
        let journal = try JournalFollower(folder.journal)
        let poller = try Poller()
        try poller.add(journal.watcher, token: 0)
        var open: [UInt64: FollowedLog] = [:]
        var next: UInt64 = 1
        var deadline = journal.nextLook(isTold: true)
        var attempts: [TaskID: Int] = [:]
        /// Read to its end, and not looked at any more.
        func finish(_ task: TaskID) {
            for (token, followed) in open where followed.log.name == task.name {
                each(followed.log, followed.take())
                poller.remove(followed.watcher)
                open[token] = nil
            }
        }
        while true {
            let isHeld = journal.isHeld
            for event in try journal.take() {
                if event.kind == .runEnded {
                    for followed in open.values { each(followed.log, followed.take()) }
                    return
                }
                guard let task = event.task else { continue }
                switch event.kind {
                case .taskStarted:
                    let attempt = attempts[task] ?? 1
                    for ending in ["err", "out"] {
                        let path = (attempt > 1 ? "attempt \(attempt)/" : "") + "\(task).\(ending)"
                        guard let log = Self.log(path, attempt: attempt), log.belongs(to: name),
                            let followed = FollowedLog(log, "\(folder.logs)/\(path)")
                        else { continue }
                        try poller.add(followed.watcher, token: next)
                        open[next] = followed
                        next += 1
                    }
                case .taskDone, .taskFailed: finish(task)
                case .taskRetried:
                    finish(task)
                    attempts[task] = event.count
                default: break
                }
            }
            for followed in open.values { each(followed.log, followed.take()) }
            if !isHeld { return }
            let told = try poller.wait(until: deadline)
            deadline = journal.nextLook(isTold: told.contains { $0.token == 0 }, isLate: told.isEmpty)
            for ready in told where ready.token != 0 {
                if let followed = open[ready.token] { each(followed.log, followed.take()) }
            }
        }
    }
}

extension RunLogs.Log {
    fileprivate func belongs(to wanted: String?) -> Bool {
        wanted.map { name == $0 || name.hasPrefix($0 + "/") } ?? true
    }
}
