internal import Failures
internal import Files
internal import Glibc
internal import Plan

/// The workspaces of a run on this host: `workspaces/NAME/files` is what tasks find at `/.las/workspaces/NAME`.
struct RunWorkspaces {
    let run: RunFolder

    init(_ run: RunFolder) { self.run = run }

    /// - Returns: nil for a name that is no path.
    func files(of name: String) -> String? { RelativePath(name).map { "\(run.workspaces)/\($0)/files" } }

    /// The same where las does not lead the run.
    func fillAlone(_ plan: Plan, from metro: String) throws(ExecutionFailure) {
        if let workspace = plan.workspaces.first(where: { $0.server != nil }) { throw RunOutposts.notLed(workspace) }
        try fill(plan, from: metro)
    }

    /// Makes those that are not there yet, with what lies in them at first. One that is there stays as it is: its run goes on.
    ///
    /// - Parameter metro: where the metro's image is reached.
    func fill(_ plan: Plan, from metro: String) throws(ExecutionFailure) {
        for workspace in plan.workspaces {
            guard let files = files(of: workspace.name), let name = RelativePath(workspace.name) else {
                throw ExecutionFailure(
                    "the plan has a workspace “\(Shown.text(workspace.name))”, which is no path", exitCode: .integrity)
            }
            if let shared = workspace.shared { try link(files, to: shared, workspace.name) }
            if File.exists(files) { continue }
            let place = File.target(of: files) ?? files
            let paths: [RelativePath]
            do throws(PlanFailure) { paths = try workspace.firstFiles() } catch { throw ExecutionFailure(error) }
            do throws(FileFailure) {
                let beside = try Folder.makeTemporary(in: File.parent(of: place), named: "first")
                defer { try? Folder.remove(beside) }
                chmod(beside, 0o755)
                var seen: Set<RelativePath> = []
                for path in paths where seen.insert(path).inserted {
                    let source = first("\(metro)/workspaces", "\(name)/\(path)")
                    let isProgram = File.status(source).map { $0.mode & 0o111 != 0 } ?? false
                    let target = "\(beside)/\(path)"
                    try Folder.make(File.parent(of: target))
                    try File.copy(source, to: target, mode: isProgram ? 0o755 : 0o644)
                    // The same on every machine, whatever its umask.
                    chmod(target, isProgram ? 0o755 : 0o644)
                }
                // Another process may just have done the same.
                if rename(beside, place) != 0, errno != EEXIST, errno != ENOTEMPTY {
                    throw FileFailure("make the folder", place)
                }
            } catch { throw ExecutionFailure(error) }
        }
    }

    /// Where a file of the image lies: in a container its folder may have been moved aside by a run before.
    private func first(_ folder: String, _ path: String) -> String {
        let own = "\(folder).own/\(path)"
        return File.exists(own) ? own : "\(folder)/\(path)"
    }
}
