internal import Digests
internal import Files
internal import Glibc
package import HostProtocol

/// The root of a container that was started from an OCI image of ours: it is the environment itself, with the metro in its
/// `/.las`. A container rarely lets anyone mount something, so `/task` and what stands below `/.las` are links to a task's
/// folders while it runs: one task at a time. In our images they lead into `/.las/here`, so that this folder is all that must be
/// writable, by whatever user.
package enum ContainerRoot {
    package static let metro = "/.las"
    private static let here = metro + "/here"
    /// Where the runtime lies in such an image.
    package static let program = metro + "/las-runtime"

    /// How a run of the metro in this container begins.
    /// - Parameter environments: their names.
    package static func start(_ run: RunID, environments: [String], cpus: Int?) -> RunStart {
        func location(_ name: String) -> ImageLocation {
            ImageLocation(path: metro, offset: 0, size: 0, digest: Digest(of: "container \(run.name) \(name)"))
        }
        let named = environments.map { ($0, location($0)) }
        return RunStart(
            run: run, metro: location(""), environments: Dictionary(named, uniquingKeysWith: { first, _ in first }),
            cpus: cpus, engine: .container)
    }

    /// - Throws: where this is no such container.
    static func reach(_ start: RunStart) throws(ExecutionFailure) -> ReachedImages {
        guard start.metro.path == metro, File.real("/proc/self/exe") == program else {
            throw ExecutionFailure(
                "the engine “container” is for the inside of an OCI image of las only", exitCode: .usage)
        }
        return ReachedImages(
            engine: .container, reason: "this is the inside of a container that has the metro in it", metro: metro,
            environments: start.environments.mapValues { _ in "/" }, hasUserNamespaces: false,
            notes: [
                "inside a container tasks run one after another and share what the container has: its network, its processes, its files"
            ])
    }

    /// Makes the container's paths those of a task.
    /// - Parameters:
    ///   - work: the folder that holds the task's `task`.
    ///   - scripts: of the metro that it stands in, below `/.las/metros`; nil for the outermost.
    ///   - workspaces: those that it uses, and the folders that hold them.
    static func enter(
        work: String, made: String, scripts: RelativePath?, workspaces: [(name: String, folder: String)]
    ) throws(ExecutionFailure) {
        let own = try aside("files")
        // Where links of the image lead; in images of before, the places themselves.
        let isReady = File.status(here, follow: true)?.kind == .folder
        let place = isReady ? here : metro
        try link(isReady ? here + "/task" : "/task", to: work + "/task")
        try link(place + "/made", to: made)
        try link(place + "/files", to: scripts.map { "\(metro)/metros/\($0)/files" } ?? own)
        // Where the image has none, no task uses one.
        guard File.exists(try aside("workspaces")) else { return }
        let places = work + "/workspaces"
        try folder(places)
        for (name, source) in workspaces {
            try folder(File.parent(of: "\(places)/\(name)"))
            try link("\(places)/\(name)", to: source)
        }
        try link(place + "/workspaces", to: places)
    }

    /// Moves a folder that the image has, for one of the task's to take its place.
    static func aside(_ name: String) throws(ExecutionFailure) -> String {
        let own = "\(metro)/\(name).own"
        if !File.exists(own), File.status("\(metro)/\(name)")?.kind == .folder {
            guard rename("\(metro)/\(name)", own) == 0 else { throw .system("can't move \(metro)/\(name) aside") }
        }
        return own
    }

    private static func folder(_ path: String) throws(ExecutionFailure) {
        do throws(FileFailure) { try Folder.make(path) } catch { throw ExecutionFailure(error) }
    }

    private static func link(_ path: String, to target: String) throws(ExecutionFailure) {
        let beside = path + ".new"
        unlink(beside)
        // The image has empty folders there.
        if File.status(path)?.kind == .folder, rmdir(path) != 0 { throw .system("can't take the place of \(path)") }
        guard symlink(target, beside) == 0, rename(beside, path) == 0 else { throw .system("can't link \(path)") }
    }
}
