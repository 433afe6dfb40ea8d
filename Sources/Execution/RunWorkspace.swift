internal import Failures
internal import Files
internal import Glibc
internal import JSON
internal import Plan
package import Workspaces

/// A workspace of a run, for who looks at it or changes it from outside.
package struct RunWorkspace: Sendable {
    /// Whole: of a nested metro `qc/panel`.
    package let name: String
    /// What is known of it; see `Replica`.
    package let folder: String
    package let rule: CollisionRule
    /// Where it is one folder that all machines see: its path.
    package let sharedPath: String?
    /// How many machines are to have each file, this one among them; 1 where that does not matter.
    package let copies: Int
    /// Where its files lie.
    package var files: String { folder + "/files" }

    /// - Throws: where nobody knows yet what the run does.
    package static func all(of run: RunFolder) throws -> [RunWorkspace] {
        guard File.exists(run.plan) else {
            throw ExecutionFailure(
                "what the run does is not known here", place: run.plan, fix: "try again when its first tasks run",
                exitCode: .usage)
        }
        let plan = try Piece.plan(try File.read(run.plan, atMost: 256 << 20))
        return try plan.workspaces.map { try RunWorkspace($0, in: run) }
    }

    private init(_ workspace: PlannedWorkspace, in run: RunFolder) throws {
        guard let files = RunWorkspaces(run).files(of: workspace.name) else {
            throw ExecutionFailure(
                "the plan has a workspace “\(Shown.text(workspace.name))”, which is no path", exitCode: .integrity)
        }
        (name, rule, folder) = (workspace.name, workspace.rule, File.parent(of: files))
        copies = workspace.copies
        sharedPath = workspace.shared.map { SharedPlace.folder(of: run, in: $0.path) + "/" + workspace.name }
    }

    package func record() throws -> WorkspaceRecord { try WorkspaceRecord(folder, files: files, rule: rule) }

    /// Leaves of a run that ended well what tells of its workspaces, and those that are to be kept.
    static func leaveRecords(of workspaces: [PlannedWorkspace], in run: RunFolder) throws {
        let kept = workspaces.filter(\.isKept)
        if kept.isEmpty { run.removeShared() }
        var hasRecord = !kept.isEmpty
        for workspace in workspaces where !workspace.isKept {
            let folder = try RunWorkspace(workspace, in: run).folder
            if !kept.isEmpty, workspace.shared != nil, let target = File.target(of: folder + "/files") {
                try? Folder.remove(File.parent(of: target))
            }
            for name in (try? Folder.names(in: folder)) ?? [] where name != "map" {
                try Folder.remove("\(folder)/\(name)")
            }
            if File.exists(folder + "/map") { hasRecord = true }
        }
        if !hasRecord { try Folder.remove(run.workspaces) }
    }
}
