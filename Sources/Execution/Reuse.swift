internal import Digests
internal import Files
internal import HostProtocol
internal import Metro
internal import Plan
internal import Sandbox

/// What a run may take from earlier ones.
struct Reuse {
    let store: TaskStore
    /// Nothing is taken; what is made is kept in the place of what was.
    let isFresh: Bool
    /// The environments' images.
    let environments: [EnvironmentID: Digest]
    private let files: MetroFiles?

    init(_ start: RunStart, _ images: ReachedImages, _ plan: Plan, in lash: LASH) {
        (store, isFresh) = (TaskStore(lash: lash), start.isFresh ?? false)
        environments = Dictionary(
            start.environments.map { (EnvironmentID($0.key), $0.value.digest) }, uniquingKeysWith: { first, _ in first }
        )
        // A container's root may be another one than its image had, and nobody can tell.
        // What tasks can write to may not be what its digest says. Without a sandbox they may take what they do not name.
        if start.isUnsandboxed ?? false || images.engine == .container
            || images.engine == .proot && !SandboxPlan.canLimitReach.files
        {
            files = nil
            return
        }
        // What tasks make is for the user's eyes only, as a run's folder is.
        try? Folder.make(lash.tasks, mode: 0o700)
        files = try? MetroFiles(start.metro, root: images.metro, plan, in: lash, isStranger: start.isStranger ?? false)
    }

    /// - Parameter tell: a pipe that gets a byte when there are answers.
    /// - Returns: nil where the tasks' keys can't be told.
    func begin(run: RunFolder, tell: Int32) throws(ExecutionFailure) -> Recalling? {
        guard let files else { return nil }
        return try Recalling(store, files, run: run, isFresh: isFresh, tell: tell)
    }

    /// Keeps what tasks were known by, to say in the future why they run. Once the thread that looks has ended.
    func remember(_ pasts: [TaskID: TaskHistory.Past], of metro: String, in run: RunID) {
        guard let files, !pasts.isEmpty else { return }
        // More than are remembered also take the place of all before.
        var history =
            pasts.count > TaskHistory.mostTasks ? TaskHistory() : TaskHistory.read(metro, in: store.lash, besides: run)
        history.add(pasts, files: files.inputDigests)
        history.write(metro, in: store.lash)
    }
}
