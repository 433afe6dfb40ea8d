internal import CLinux
package import Files
internal import Glibc
internal import Unpacking

/// Ways to reach images, the best first: mounted by the kernel, by FUSE, unpacked. Which is taken is found out by trying.
package enum Ladder {
    /// Tries one engine after another.
    ///
    /// As root the process gets mounts of its own, with FUSE a user namespace too: call this before any thread is started,
    /// from the one that will start the tasks.
    package static func reach(_ start: RunStart, folder: RunFolder, in lash: LASH) throws(ExecutionFailure)
        -> ReachedImages
    {
        if start.engine == .container { return try ContainerRoot.reach(start) }
        let forced = try EnginePolicy.engine(asked: start.engine, in: lash)
        let isUnsandboxed = start.isUnsandboxed ?? false
        if isUnsandboxed, forced == .proot {
            throw ExecutionFailure(
                "by PRoot tasks can't go without their sandbox: it is what shows them their environment",
                fix: "leave --sandbox off out", exitCode: .usage)
        }
        let rungs = forced.map { [$0] } ?? [.kernel, .fuse, .extraction] + (isUnsandboxed ? [] : [.proot])
        // What each rung above lacks: why it is this one.
        var lacks: [String] = []
        for rung in rungs {
            do throws(ExecutionFailure) {
                let reason =
                    start.engine != nil
                    ? "--engine asks for it" : forced != nil ? EnginePolicy.reason : reason(of: rung, lacks: lacks)
                switch rung {
                case .kernel:
                    if start.engine == nil, start.isStranger ?? false, !(start.isSigned ?? false), geteuid() == 0 {
                        throw ExecutionFailure(
                            "this bundle was packed elsewhere and nobody trusted here has signed it, so the kernel does not read it itself"
                        )
                    }
                    return try KernelMounts.reach(start, folder: folder, reason: reason)
                case .fuse:
                    return try FuseMounts.reach(start, folder: folder, reason: reason)
                case .extraction, .container:
                    return try extract(start, in: lash, reason: reason)
                case .proot:
                    return try PRoot.reach(start, in: lash, reason: reason)
                }
            } catch {
                if rung == rungs.last { throw error }
                lacks.append(error.words)
            }
        }
        preconditionFailure("the last rung returns or throws")
    }

    /// Begins to find out what `reach` will want to know, beside what the caller does until then. Before any thread is started.
    package static func prepare() { las_begin_trying_namespaces() }

    /// The metro's image alone, for a run whose tasks hosts do: what they are known by is reckoned here.
    static func reachMetro(
        _ start: RunStart, _ board: LeaseBoard, in lash: LASH
    ) throws(ExecutionFailure) -> ReachedImages {
        ReachedImages(
            engine: .extraction, reason: "the run is over \(board.names.joined(separator: ", "))",
            metro: try ImageCache(lash).folder(of: start.metro), environments: [:], hasUserNamespaces: true)
    }

    /// - Parameter lacks: what each rung above lacks.
    static func reason(of engine: Engine, lacks: [String]) -> String {
        lacks.isEmpty ? engine == .kernel ? "this user is root" : "it is the best" : lacks.joined(separator: "; ")
    }

    private static func extract(
        _ start: RunStart, in lash: LASH, reason: String
    ) throws(ExecutionFailure) -> ReachedImages {
        let hasUserNamespaces = try Namespaces.ofTasks()
        let cache = ImageCache(lash)
        var folders: [String: String] = [:]
        for (name, image) in start.environments.sorted(by: { $0.key < $1.key }) {
            folders[name] = try cache.folder(of: image)
        }
        return ReachedImages(
            engine: .extraction, reason: reason, metro: try cache.folder(of: start.metro), environments: folders,
            hasUserNamespaces: hasUserNamespaces)
    }
}

/// The images of a run, reached: each a folder that holds the root file system, until this goes away.
package final class ReachedImages {
    package let engine: Engine
    /// Why this engine and no better one.
    package let reason: String
    let metro: String
    let environments: [String: String]
    /// Whether tasks get a user namespace of their own.
    let hasUserNamespaces: Bool
    /// Whether tasks see the processes of the container that this is.
    let seesProcesses: Bool
    /// What isn't kept apart here, for the person.
    package let notes: [String]
    private let mounted: MountedImages?

    init(
        engine: Engine, reason: String, metro: String, environments: [String: String], hasUserNamespaces: Bool,
        notes: [String] = [], mounted: MountedImages? = nil
    ) {
        (self.engine, self.reason, self.metro, self.environments) = (engine, reason, metro, environments)
        self.hasUserNamespaces = hasUserNamespaces
        seesProcesses = hasUserNamespaces && ProcView.isHiddenHere
        self.notes =
            (hasUserNamespaces || engine == .container || engine == .proot
                ? []
                : ["this machine refuses user namespaces: tasks run as its root, without any of root's capabilities"])
            + (seesProcesses ? [ProcView.note] : []) + notes
        self.mounted = mounted
    }
}

/// Mounts in the process's own namespace, each on a folder of the run; unmounted when this goes away, or with the process.
final class MountedImages {
    private(set) var metro = ""
    private(set) var environments: [String: String] = [:]
    private(set) var places: [String] = []
    /// Of the process that serves them; it ends by itself when nothing has them mounted.
    var server: Int32?

    /// Mounts all images of the run by `mount`.
    init(
        _ start: RunStart, folder: RunFolder,
        _ mount: (_ image: ImageLocation, _ place: String) throws(ExecutionFailure) -> Void
    ) throws(ExecutionFailure) {
        let images = [("", start.metro)] + start.environments.sorted { $0.key < $1.key }
        for (number, (name, image)) in images.enumerated() {
            // Of the outer world the folders stay empty; a number is a safe name.
            let place = "\(folder.mounts)/\(number)"
            do throws(FileFailure) { try Folder.make(place) } catch { throw ExecutionFailure(error) }
            do throws(ExecutionFailure) {
                if image.size > Self.largestInMemory || !Self.unpack(image, place) { try mount(image, place) }
            } catch {
                rmdir(place)
                for place in places {
                    las_unmount(place)
                    rmdir(place)
                }
                rmdir(folder.mounts)
                throw error
            }
            places.append(place)
            if name.isEmpty { metro = place } else { environments[name] = place }
        }
    }

    /// Up to this size an image is in memory sooner than it is mounted: most metros' own are.
    private static let largestInMemory: Int64 = 256 << 10

    /// Into a file system in memory, which is there as long as a mount would be.
    /// - Returns: false where it has to be mounted after all.
    private static func unpack(_ image: ImageLocation, _ place: String) -> Bool {
        if las_mount_memory(place) != 0 { return false }
        if (try? ImageReader(image.path, offset: image.offset).unpack(into: place, threads: 1)) != nil { return true }
        las_unmount(place)
        return false
    }

    deinit {
        for folder in places {
            las_unmount(folder)
            rmdir(folder)
        }
        // Not for long, and not for ever: who else may still see a mount is not known here.
        for _ in 0..<100 {
            guard let server, waitpid(server, nil, WNOHANG) == 0 else { return }
            usleep(1000)
        }
    }
}

/// Whether tasks can be kept apart by namespaces, found out by making some.
enum Namespaces {
    /// Why this user may not make user namespaces; nil where it works.
    static var refusal: ExecutionFailure? {
        let code = las_try_namespaces(1)
        if code == 0 { return nil }
        return .system(
            "this machine does not let the user make user namespaces", code: code,
            fix:
                "ask who runs it to allow them (sysctl user.max_user_namespaces; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or run as root"
        )
    }

    /// Whether tasks get a user namespace; root goes without where there is none.
    static func ofTasks() throws(ExecutionFailure) -> Bool {
        guard let refusal else { return true }
        if geteuid() == 0, las_try_namespaces(0) == 0 { return false }
        throw refusal
    }
}
