internal import Files
internal import Sandbox
internal import Threads

/// Sandboxes that stay for one task after another, where many tasks see the same: all but their own folder. Each has a work folder of its
/// own. What is left there is removed between tasks; where that can't be, or anything else is left, the next task gets a new one.
final class TaskCells: Sendable {
    /// One, for one task.
    struct Taken: Sendable {
        let cell: SandboxCell
        let folder: String
        let world: TaskSandbox.World
    }

    private struct State: Sendable {
        var idle: [Taken] = []
        /// What tasks saw of late: to stay is only worth it for what comes again.
        var recent: [TaskSandbox.World] = []
        var isEnding = false
    }

    private let state = Monitor(State())
    private let folders: WorkFolders
    private let most: Int

    private static let mostRecent = 8

    /// - Parameter most: how many stay while nothing runs in them.
    init(_ folders: WorkFolders, atMost most: Int) { (self.folders, self.most) = (folders, most) }

    /// - Parameters:
    ///   - world: what the task sees.
    ///   - keptApart: what one task leaves is looked for before the next.
    ///   - plan: its sandbox with a work folder.
    /// - Returns: nil where the task is to have a sandbox of its own: the first of its kind that is kept apart, and where this machine gives
    ///   no other.
    func take(_ world: TaskSandbox.World, keptApart: Bool, _ plan: (_ folder: String) throws -> SandboxPlan) -> Taken? {
        let (idle, isRecent) = state.change { state -> (Taken?, Bool) in
            if let place = state.idle.lastIndex(where: { $0.world == world }) {
                return (state.idle.remove(at: place), true)
            }
            if !keptApart || state.recent.contains(world) { return (nil, true) }
            if state.recent.count == Self.mostRecent { state.recent.removeFirst() }
            state.recent.append(world)
            return (nil, false)
        }
        if let idle { return idle }
        guard isRecent, let folder = try? folders.take() else { return nil }
        do { return Taken(cell: try SandboxCell(try plan(folder)), folder: folder, world: world) } catch {
            folders.give(folder)
            return nil
        }
    }

    /// Gives one back, when nothing runs in it any more.
    func give(_ taken: Taken) {
        let stays = taken.cell.isUsable && WorkFolders.renew(taken.folder)
        let left: [Taken] = state.change { state in
            if !stays || state.isEnding { return [taken] }
            state.idle.append(taken)
            return state.idle.count > most ? [state.idle.removeFirst()] : []
        }
        for taken in left { end(taken) }
    }

    /// Ends all.
    func end() {
        let idle = state.change { state in
            defer { state.idle = [] }
            state.isEnding = true
            return state.idle
        }
        for taken in idle { end(taken) }
    }

    private func end(_ taken: Taken) {
        taken.cell.end()
        folders.give(taken.folder)
    }
}
