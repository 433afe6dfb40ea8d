internal import Files
internal import Sandbox
internal import Threads

/// What is done beside a run's beginning, by a thread of its own: what the first task needs and does not depend on the plan is made ready;
/// and once that task runs, what was written without waiting for the disk is synced.
final class Beginning: Sendable {
    private struct State: Sendable {
        var first: [String: [SandboxPlan.Step]]?
        var mayUseDisk = false
        var thread: OwnThread?
    }

    private let state = Monitor(State())
    let folders: WorkFolders

    /// - Parameter images: whose tasks this machine does; nil where hosts do them.
    init(_ start: RunStart, folder: RunFolder, in lash: LASH, reaching images: ReachedImages?) {
        let folders = WorkFolders(folder.tasks)
        self.folders = folders
        let reached = images.map { (engine: $0.engine, environments: $0.environments) }
        let thread = try? OwnThread { [state] in
            let first = reached.map {
                FirstFiles(start, engine: $0.engine, environments: $0.environments, in: lash)
            }
            let steps = first?.steps ?? [:]
            state.change { $0.first = steps }
            if let first {
                first.lookUp()
                folders.prepare()
            }
            // A disk that syncs lets others wait.
            _ = state.await { $0.mayUseDisk ? true : nil }
            folder.syncBeginning()
            first?.keep()
        }
        // Without a thread nothing is kept, and the disk is left to itself.
        state.change {
            $0.thread = thread
            if thread == nil { $0.first = [:] }
        }
    }

    /// What shows environments' first files.
    var first: [String: [SandboxPlan.Step]] { state.await { $0.first } }

    /// The first program runs, or something that is done is about to be synced.
    func mayUseDisk() { state.change { $0.mayUseDisk = true } }

    /// Waits until all is done.
    func end() {
        let thread = state.change { state -> OwnThread? in
            state.mayUseDisk = true
            defer { state.thread = nil }
            return state.thread
        }
        thread?.join()
    }
}
