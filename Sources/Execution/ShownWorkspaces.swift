internal import Files
internal import Plan
internal import Threads
internal import Workspaces

/// The workspaces of a task whose files are fetched when it opens them: each is shown at a folder of the task's own, which its sandbox
/// shows it in the workspace's place. They are in the mounts of this process, which go with it however it ends.
final class ShownWorkspaces {
    /// By the workspaces' names.
    private(set) var places: [String: String] = [:]
    private var folders: [ShownFolder] = []
    private let troubles = Monitor([String]())

    /// - Returns: nil for a task that has none.
    init?(
        _ task: PlannedTask, in around: RunningTask.Surroundings, beside work: String,
        _ share: (String) throws -> Share?
    ) throws {
        let mounts = try around.sandbox.shared(by: task).filter(\.mount.isOpened)
        if mounts.isEmpty { return nil }
        do {
            for (number, (mount, folder)) in mounts.enumerated() {
                guard let share = try share(mount.name) else { continue }
                let place = "\(work)/shown/\(number)"
                try Folder.make(place)
                let shown = try ShownFolder(share, folder, named: mount.name, at: place) { [troubles] trouble in
                    troubles.change { if $0.count < 20, !$0.contains(trouble) { $0.append(trouble) } }
                }
                folders.append(shown)
                places[mount.name] = place
            }
        } catch {
            _ = stop()
            throw error
        }
    }

    /// When nothing of the task runs any more, before somebody looks at what it did there.
    /// - Returns: what could not be fetched, and why.
    func stop() -> [String] {
        for folder in folders { folder.stop() }
        folders = []
        return troubles.change { $0 }
    }

    deinit { _ = stop() }
}
