internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Hosts
internal import Workspaces

/// The workspaces of a run that a command is about.
struct ChosenWorkspaces {
    let run: RunID
    let workspaces: [RunWorkspace]
    private let list: RunList
    private let journal: String

    /// The one that is named.
    var first: RunWorkspace { workspaces[0] }

    /// - Parameter name: nil for all of the run.
    init(_ invocation: Invocation, _ context: Context, name: String?) throws {
        list = RunList(context.lash)
        let found: (run: RunID, all: [RunWorkspace])
        if let text = invocation.value("--run") {
            let run = try RunNames.find(text, in: context.lash)
            found = (run, try RunWorkspace.all(of: RunFolder(run, in: context.lash)))
            if found.all.isEmpty { throw UsageFailure("\(run) has no workspaces") }
        } else {
            let newest = list.names.reversed().lazy.compactMap { [lash = context.lash] run in
                (try? RunWorkspace.all(of: RunFolder(run, in: lash))).flatMap { $0.isEmpty ? nil : (run, $0) }
            }.first
            guard let newest else {
                throw UsageFailure(
                    "no run here has workspaces",
                    fix: "a metro's “workspaces” are there once it runs; “las ps --all” lists the runs")
            }
            found = newest
        }
        run = found.run
        journal = RunFolder(run, in: context.lash).journal
        if let name {
            workspaces = found.all.filter { $0.name == name }
            if workspaces.isEmpty {
                throw UsageFailure(
                    "\(run) has no workspace “\(Shown.text(name))”",
                    fix: "there is: \(found.all.map(\.name).joined(separator: ", "))")
            }
        } else {
            workspaces = found.all
        }
    }

    static func path(_ text: String) throws -> RelativePath {
        let text = text.hasSuffix("/") ? String(text.dropLast()) : text
        guard let path = RelativePath(text) else {
            throw UsageFailure(
                "“\(Shown.text(text))” is no path in a workspace",
                fix: "write it from the workspace's folder on, as in found/one")
        }
        return path
    }

    func record() throws -> WorkspaceRecord {
        let record = try first.record()
        if record.isHere || record.hasMap { return record }
        throw gone
    }

    /// Whether somebody leads it now.
    var isGoingOn: Bool { list.isGoingOn(run) }

    var gone: UsageFailure {
        let hasEnded = Journal.last(journal)?.succeeded == true
        return UsageFailure(
            hasEnded
                ? "\(run) has ended well, and what lay in its workspace “\(first.name)” went with it"
                : "the workspace “\(first.name)” of \(run) is not here",
            fix: hasEnded
                ? "“keep: yes” below the workspace in the metro keeps it; or let a station copy it to its output" : nil)
    }

    func missing(_ path: RelativePath) -> UsageFailure {
        UsageFailure(
            "there is no \(Shown.text(path.string)) in the workspace “\(first.name)” of \(run)",
            fix: "“las workspace ls \(first.name)” lists what there is")
    }

    func item(_ text: String, in record: WorkspaceRecord) throws -> WorkspaceRecord.Item {
        let path = try Self.path(text)
        guard let item = record[path] else { throw missing(path) }
        return item
    }

    /// How many machines have a file: a host that is this machine is no other one.
    func machines(of item: WorkspaceRecord.Item) -> Int { item.places.count { $0 != Host.local.name } }

    /// Copies something out of it.
    ///
    /// - Returns: how many files, and where they are.
    func get(_ text: String, to target: String?) throws -> (Int, String) {
        let record = try record()
        if !record.isHere { throw gone }
        let isAll = text == "."
        let path = isAll ? nil : try Self.path(text)
        if let path, record[path] == nil, !record.holds(below: path) { throw missing(path) }
        let name = path?.name ?? File.name(of: first.name)
        var place = target ?? Context.absolute(name)
        if let target, File.status(target, follow: true)?.kind == .folder, !isAll { place = "\(target)/\(name)" }
        if !isAll, File.exists(place) {
            throw UsageFailure("\(Shown.whole(place)) is there already", fix: "name another place, or move it away")
        }
        var count = 0
        for item in record.items {
            let inside: String
            if let path {
                if item.path == path {
                    inside = ""
                } else if let rest = item.path.string.after(path.string + "/") {
                    inside = "/" + rest
                } else {
                    continue
                }
            } else {
                inside = "/\(item.path)"
            }
            if try copy(item, to: place + inside) { count += 1 }
        }
        return (count, place)
    }

    private func copy(_ item: WorkspaceRecord.Item, to place: String) throws -> Bool {
        switch item.content.kind {
        case .folder:
            try Folder.make(place)
            return false
        case .gone: return false
        case .link:
            try Folder.make(File.parent(of: place))
            if let target = item.content.target, symlink(target, place) != 0 { throw FileFailure("make", place) }
            return true
        case .file:
            try Folder.make(File.parent(of: place))
            let copied: Void? = try ConfinedFolder(first.files).lend(item.path) { source in
                try File.copy(source, to: place, mode: item.content.mode | 0o400)
            }
            if copied == nil { throw missing(item.path) }
            return true
        }
    }

    /// Changes what lies in it; when this returns, the change counts.
    func change(_ body: (WorkspaceChange, WorkspaceRecord) throws -> Void) throws {
        let record = try record()
        if !record.isHere { throw gone }
        let change = WorkspaceChange(first.folder, files: first.files)
        if isGoingOn {
            try body(change, record)
            if record.hasMap, !(try change.tell()) {
                throw UsageFailure(
                    "the change is made, and the process that leads \(run) has not looked at it",
                    fix: "if the run goes on, try again; “las status \(run)” tells")
            }
            return
        }
        // Held, so that nobody resumes it meanwhile.
        let held = try Journal(journal)
        defer { withExtendedLifetime(held) {} }
        try body(change, record)
        if record.hasMap { try change.look(first.rule) }
    }
}
