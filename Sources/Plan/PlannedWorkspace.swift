internal import Failures
package import Files
package import Metro

/// Files that stations of one metro share while it runs.
package struct PlannedWorkspace: Hashable, Sendable, Codable {
    /// Whole: of a nested metro `qc/panel`. No two metros share one, whatever they call it.
    package let name: String
    /// As the metro says them; empty for one that begins empty.
    package let patterns: [String]
    /// What lies in it at first, sorted: each packed below `place`.
    package let files: [PlannedFile]
    /// What becomes of a file that two machines write at once; nil for the usual.
    package let onCollision: String?
    /// A folder that all machines see; nil where las carries the files from one to the other.
    package let shared: SharedFolder?
    /// An FTP server that holds its files, too; nil for none.
    package let server: FileServer?
    private let keep: Bool?
    private let partial: Bool?
    /// So many bytes a host keeps of what its tasks do not need just then; nil for all.
    package let limit: Int64?
    private let machines: Int?

    package init(
        name: String, patterns: [String] = [], files: [PlannedFile] = [], onCollision: String? = nil,
        shared: SharedFolder? = nil, server: FileServer? = nil, isKept: Bool = false, isPartial: Bool = false,
        limit: Int64? = nil,
        copies: Int = 1
    ) {
        (self.name, self.patterns, self.files, self.onCollision) = (name, patterns, files, onCollision)
        (self.shared, self.server, keep) = (shared, server, isKept ? true : nil)
        (partial, self.limit) = (isPartial ? true : nil, isPartial ? limit : nil)
        machines = copies > 1 ? copies : nil
    }

    /// How many machines of a run hold each file, the one that leads it among them.
    package var copies: Int { machines ?? 1 }

    /// Whether a host has only those of its files that its tasks need.
    package var isPartial: Bool { partial ?? false }

    /// Whether what lies in it stays with the run when that has ended well.
    package var isKept: Bool { keep ?? false }

    /// Where its first files lie in the metro image, and where the tasks that use it find it in its place.
    package var place: String { Self.place(of: name) }
    static func place(of name: String) -> String { "\(folder)/\(name)" }
    /// What holds them all: no task sees it, but what it uses of it.
    package static let folder = "/.las/workspaces"

    var packedFiles: [PackedFile] {
        files.flatMap { file in (file.origin ?? file.source).map { file.packed(from: $0) } ?? [] }
    }

    /// Its first files, relative to it, sorted.
    /// - Throws: for a plan that no las has written.
    package func firstFiles() throws(PlanFailure) -> [RelativePath] {
        var paths: [RelativePath] = []
        for file in files {
            for inside in file.contents ?? [""] {
                let path = inside.isEmpty ? file.path : "\(file.path)/\(inside)"
                guard let text = path.after(place + "/"), let relative = RelativePath(text) else {
                    throw TaskGraph.wrong("a file of a workspace, “\(Shown.text(path))”")
                }
                paths.append(relative)
            }
        }
        return paths
    }
}

/// A workspace that a station uses.
package struct WorkspaceMount: Hashable, Sendable, Codable {
    package let name: String
    /// What stands for it in the command.
    package let word: String
    private let reads: Bool?
    private let isOne: Bool?
    /// Paths and patterns of those of its files that have to be there, a station's with `{name}` inside; nil for all.
    package let needs: [String]?
    private let opens: Bool?

    /// - Parameter isOpened: what `needs` does not say comes when it is opened.
    package init(
        _ name: String, word: String, isReadOnly: Bool = false, isShared: Bool = false, needs: [String]? = nil,
        isOpened: Bool = false
    ) {
        (self.name, self.word, self.needs) = (name, word, needs)
        (reads, isOne) = (isReadOnly ? true : nil, isShared ? true : nil)
        opens = isOpened ? true : nil
    }

    /// As a task has it.
    func needing(_ needs: [String]?) -> WorkspaceMount {
        WorkspaceMount(
            name, word: word, isReadOnly: isReadOnly, isShared: isShared, needs: needs, isOpened: isOpened)
    }

    /// Whether a task has to find a file there: one that a pattern matches, or that lies in a folder which one matches.
    package func needs(_ globs: [Glob], _ path: RelativePath) -> Bool {
        // Asked of each of many thousand files, of which a task may need few.
        let globs = globs.filter { path.string.begins(with: $0.start) }
        if globs.isEmpty { return false }
        var path: RelativePath? = path
        while let part = path {
            if globs.contains(where: { $0.matches(part.string) }) { return true }
            path = part.parent
        }
        return false
    }

    /// Whether what does not have to be there before the command starts comes when the command opens it.
    package var isOpened: Bool { opens ?? false }

    /// Whether it is one folder that all machines see.
    package var isShared: Bool { isOne ?? false }

    /// Whether the command can't change anything in it.
    package var isReadOnly: Bool { reads ?? false }
    /// Where the command finds it.
    package var place: String { PlannedWorkspace.place(of: name) }
}

extension Planner {
    static func workspaces(_ use: MetroUse, _ files: InputFiles) -> [PlannedWorkspace] {
        use.metro.workspaces.map { workspace in
            let name = use.name(workspace.name.value)
            let patterns = workspace.files.map(\.value)
            let folder = commonFolder(of: patterns)
            let planned = (files.workspaces[name] ?? []).map { file in
                let inside = file.path.pathNames.dropFirst(folder.count).joined(separator: "/")
                return PlannedFile(
                    name: inside, path: "\(PlannedWorkspace.place(of: name))/\(inside)", source: file.path,
                    contents: file.contents, origin: use.path.isEmpty ? nil : "\(use.metro.folder)/\(file.path)")
            }
            return PlannedWorkspace(
                name: name, patterns: patterns, files: planned, onCollision: workspace.onCollision,
                shared: workspace.shared, server: workspace.server, isKept: workspace.isKept,
                isPartial: use.isPartial(workspace), limit: workspace.limit, copies: workspace.copies ?? 1)
        }
    }
}

extension MetroUse {
    /// Whether a host has only those files of a workspace that its tasks need.
    func isPartial(_ workspace: Workspace) -> Bool {
        if workspace.isAhead || workspace.shared != nil { return false }
        // Who holds what is then said file by file.
        if workspace.copies ?? 1 > 1 { return true }
        return metro.stations.contains { station in
            station.workspaces.contains { $0.name.value == workspace.name.value && ($0.needs != nil || $0.isOpened) }
        }
    }
}

extension InputFiles {
    /// Looks for what lies in a workspace at first.
    mutating func search(
        _ workspace: Workspace, named name: String, _ use: MetroUse, in folder: String, _ complaints: inout Complaints
    ) {
        var found: [ExactText: Found] = [:]
        for pattern in workspace.files {
            do throws(FolderSearch.Trouble) {
                for match in try FolderSearch(folder).matches(of: pattern.value) {
                    let path = ExactText(match.path)
                    found[path] = found[path] ?? match
                }
            } catch {
                complaints.add(
                    Diagnostic(file: use.metro.file, at: pattern.position, error.message, fix: error.fix))
            }
        }
        workspaces[name] = found.values.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }
}

extension TaskGraph {
    /// The names of the plan's workspaces, each of which can be a folder of a run.
    func workspaceNames() throws(PlanFailure) -> Set<String> {
        var names = Set<String>()
        for workspace in plan.workspaces {
            guard StationID(workspace.name).isSafe, names.insert(workspace.name).inserted else {
                throw Self.wrong("a workspace's name, “\(Shown.text(workspace.name))”")
            }
            _ = try workspace.firstFiles()
            if !(1...100).contains(workspace.copies) { throw Self.wrong("a workspace's “copies”, \(workspace.copies)") }
            if let path = workspace.shared?.path, !SharedFolder.isPath(path) {
                throw Self.wrong("a workspace's path, “\(Shown.text(path))”")
            }
        }
        // One that lies in another would be seen by who uses that.
        for name in names where StationID(name).isBelow(where: { names.contains($0.name) }) {
            throw Self.wrong("a workspace's name, “\(Shown.text(name))”")
        }
        return names
    }
}

extension Plan {
    /// What has to be given to a run: secrets that its stations, and the servers of its workspaces, name.
    package var secretNames: Set<String> {
        Set(stations.flatMap(\.secrets)).union(workspaces.compactMap { $0.server?.secret })
    }
}
