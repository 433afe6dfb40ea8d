package import Files
internal import Glibc
package import HostProtocol
internal import JSON
internal import Plan

/// The runs of a LASH.
package struct RunList {
    private let lash: LASH

    package init(_ lash: LASH) { self.lash = lash }

    /// Their names, the newest last: names begin with the second in which a run began, and within it the times of their files
    /// tell, which are written once.
    package var names: [RunID] {
        let runs: [(run: RunID, second: String, began: Int64)] = ((try? Folder.names(in: lash.runs)) ?? []).compactMap {
            guard let run = RunID($0), !run.isLeased, let start = File.status(RunFolder(run, in: lash).start) else {
                return nil
            }
            let began = start.modified * 1_000_000_000 + start.modifiedNanoseconds
            return (run, String(decoding: $0.utf8.prefix(15), as: UTF8.self), began)
        }
        return runs.sorted { ($0.second, $0.began, $0.run.name) < ($1.second, $1.began, $1.run.name) }.map(\.run)
    }

    package func isGoingOn(_ run: RunID) -> Bool { Journal.isHeld(RunFolder(run, in: lash).journal) }

    /// Those that nobody runs, and in which nothing has happened for so many days.
    package func ended(before days: Int) -> [RunID] {
        let moment = Int64(time(nil)) - Int64(days) * 86_400
        return names.filter { run in
            let folder = RunFolder(run, in: lash)
            let last = File.status(folder.journal)?.modified ?? File.status(folder.start)?.modified ?? 0
            return !isGoingOn(run) && (days == 0 || last <= moment)
        }
    }

    /// Removes all that it left.
    /// - Throws: where it goes on.
    package func remove(_ run: RunID) throws {
        let folder = RunFolder(run, in: lash)
        // Held, so that nobody resumes it meanwhile.
        let journal = File.exists(folder.journal) ? try Journal(folder.journal) : nil
        defer { withExtendedLifetime(journal) {} }
        try folder.clear(in: lash)
        folder.removeShared()
        try Folder.remove(folder.path)
    }

    /// Leaves of a run that ended well what tells of it: how it was started, its plan, journal and logs; and what stations made that have
    /// `keep`.
    package func leaveRecord(of run: RunID) throws {
        let folder = RunFolder(run, in: lash)
        let places = [folder.results, folder.tasks, folder.path + "/steps", folder.path + "/slurm"]
        for place in places { try Folder.remove(place) }
        let plan = plan(of: folder)
        try RunWorkspace.leaveRecords(of: plan?.workspaces ?? [], in: folder)
        try leaveMade(of: folder, plan)
        rmdir(folder.mounts)
        File.remove(folder.pid)
        if File.status(folder.log)?.size == 0 { File.remove(folder.log) }
    }

    /// The part of it that takes longest where there are many files, and is in nobody's way: results have names of their own.
    package func leaveMade(of run: RunID) throws {
        let folder = RunFolder(run, in: lash)
        try leaveMade(of: folder, plan(of: folder))
    }

    private func leaveMade(of folder: RunFolder, _ plan: Plan?) throws {
        try clear(folder.made, "", besides: (plan?.stations ?? []).filter(\.keepsMade).map(\.id.name))
    }

    private func plan(of folder: RunFolder) -> Plan? {
        (try? File.read(folder.plan, atMost: 256 << 20)).flatMap { try? JSONText.decode(Plan.self, from: $0) }
    }

    /// - Parameter kept: folders below `made` that stay.
    private func clear(_ made: String, _ path: String, besides kept: [String]) throws {
        let place = path.isEmpty ? made : "\(made)/\(path)"
        if kept.contains(path) { return }
        guard kept.contains(where: { path.isEmpty || $0.begins(with: path + "/") }), File.exists(place) else {
            return try Folder.remove(place)
        }
        for name in try Folder.names(in: place) {
            try clear(made, path.isEmpty ? name : "\(path)/\(name)", besides: kept)
        }
    }

    /// Removes the records of runs that ended well a month ago, and those before the last hundred.
    package func prune() {
        let moment = Int64(time(nil)) - 30 * 86_400
        let records = names.filter { !File.exists(RunFolder($0, in: lash).results) }
        for (number, run) in records.enumerated() {
            let folder = RunFolder(run, in: lash)
            let isOld = File.status(folder.journal).map { $0.modified < moment } ?? false
            guard isOld || records.count - number > 100, !isGoingOn(run),
                Journal.last(folder.journal)?.succeeded == true
            else { continue }
            folder.removeShared()
            try? Folder.remove(folder.path)
        }
    }

    /// The newest that has come to an end, and not well.
    package var unfinished: RunID? {
        names.last { run in
            let journal = RunFolder(run, in: lash).journal
            let last = Journal.last(journal)
            // Who has told the end may hold the journal for a moment.
            return (last?.kind == .runEnded || !Journal.isHeld(journal)) && last?.succeeded != true
        }
    }
}
