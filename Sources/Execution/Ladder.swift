internal import CLinux
package import Files
internal import Glibc

/// The images of a run, reached: each a folder that holds the root file system, until this goes away.
package final class ReachedImages {
    package let engine: Engine
    /// Why this engine and no better one.
    package let reason: String
    let metro: String
    let environments: [String: String]
    /// Whether tasks get a user namespace of their own.
    let hasUserNamespaces: Bool
    package let notes: [String]
    private let mounted: [String]

    init(
        engine: Engine, reason: String, metro: String, environments: [String: String], hasUserNamespaces: Bool,
        notes: [String], mounted: [String] = []
    ) {
        (self.engine, self.reason, self.metro, self.environments) = (engine, reason, metro, environments)
        (self.hasUserNamespaces, self.notes, self.mounted) = (hasUserNamespaces, notes, mounted)
    }

    deinit {
        for folder in mounted {
            las_unmount(folder)
            rmdir(folder)
        }
    }
}

/// Ways to reach images, the best first: mounted by the kernel, unpacked. Which is taken is found out by trying.
package enum Ladder {
    /// Tries one engine after another.
    ///
    /// As root the process gets mounts of its own first: call this before any thread is started, from the one that will
    /// start the tasks.
    package static func reach(_ start: RunStart, folder: RunFolder, in lash: LASH) throws(ExecutionFailure)
        -> ReachedImages
    {
        if start.engine == .container { return try ContainerRoot.reach(start) }
        let namespaces = UserNamespaces.here
        if geteuid() != 0, let refusal = namespaces.refusal { throw refusal }
        var notes: [String] = []
        if namespaces.refusal != nil {
            notes.append(
                "this machine refuses user namespaces: tasks run as its root, without any of root's capabilities")
        }
        var reason = start.engine == .extraction ? "asked for by --engine" : "only root may mount images"
        if start.engine != .extraction, geteuid() == 0 {
            do throws(ExecutionFailure) {
                return try mount(start, folder: folder, hasUserNamespaces: namespaces.refusal == nil, notes: notes)
            } catch {
                if start.engine == .kernel { throw error }
                reason = "the kernel can't mount them: \(error.description)"
            }
        } else if start.engine == .kernel {
            throw ExecutionFailure(
                "the engine “kernel” is for root only", fix: "leave --engine out: images are unpacked then",
                exitCode: .usage)
        }
        return try extract(
            start, in: lash, reason: reason, hasUserNamespaces: namespaces.refusal == nil, notes: notes)
    }

    private static func mount(
        _ start: RunStart, folder: RunFolder, hasUserNamespaces: Bool, notes: [String]
    ) throws(ExecutionFailure) -> ReachedImages {
        if las_own_mounts() != 0 { throw .system("can't have mounts of its own") }
        var mounted: [String] = []
        var folders: [String: String] = [:]
        let images = [("", start.metro)] + start.environments.sorted { $0.key < $1.key }
        for (number, (name, image)) in images.enumerated() {
            // Of the outer world the folders stay empty; a number is a safe name.
            let place = "\(folder.mounts)/\(number)"
            do {
                try Folder.make(place)
                var stage: Int32 = 0
                if las_mount_image(image.path, image.offset, image.size, place, &stage) != 0 {
                    throw ExecutionFailure.system(words(stage, image))
                }
            } catch {
                for place in mounted { las_unmount(place) }
                throw (error as? ExecutionFailure) ?? ExecutionFailure("can't make \(place)", cause: "\(error)")
            }
            mounted.append(place)
            folders[name] = place
        }
        return ReachedImages(
            engine: .kernel, reason: "mounted by the kernel", metro: folders.removeValue(forKey: "") ?? "",
            environments: folders, hasUserNamespaces: hasUserNamespaces, notes: notes, mounted: mounted)
    }

    private static func words(_ stage: Int32, _ image: ImageLocation) -> String {
        switch las_mount_stage(UInt32(stage)) {
        case LAS_MOUNT_FILE: "can't open \(image.path)"
        case LAS_MOUNT_LOOP_CONTROL: "can't get a loop device"
        case LAS_MOUNT_LOOP: "can't set a loop device up"
        default: "can't mount the squashfs image \(image.digest.short)"
        }
    }

    private static func extract(
        _ start: RunStart, in lash: LASH, reason: String, hasUserNamespaces: Bool, notes: [String]
    ) throws(ExecutionFailure) -> ReachedImages {
        let cache = ImageCache(lash)
        var folders: [String: String] = [:]
        for (name, image) in start.environments.sorted(by: { $0.key < $1.key }) {
            folders[name] = try cache.folder(of: image)
        }
        return ReachedImages(
            engine: .extraction, reason: reason, metro: try cache.folder(of: start.metro), environments: folders,
            hasUserNamespaces: hasUserNamespaces, notes: notes)
    }
}

/// Whether this user may make user namespaces, found out by making one.
struct UserNamespaces: Sendable {
    /// nil where it works.
    let refusal: ExecutionFailure?

    static var here: UserNamespaces {
        let code = las_try_user_namespace()
        if code == 0 { return UserNamespaces(refusal: nil) }
        return UserNamespaces(
            refusal: .system(
                "this machine does not let the user make user namespaces, which tasks are kept apart by", code: code,
                fix:
                    "ask who runs it to allow them (sysctl user.max_user_namespaces; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or run as root"
            ))
    }
}
