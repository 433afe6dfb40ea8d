internal import CLinux
internal import Glibc

/// Images mounted by the kernel, each through a loop device that goes away with its mount. For root.
enum KernelMounts {
    static func reach(
        _ start: RunStart, folder: RunFolder, reason: String
    ) throws(ExecutionFailure) -> ReachedImages {
        guard geteuid() == 0 else {
            throw ExecutionFailure(
                notRoot, fix: "leave --engine out: the best way that there is here is taken", exitCode: .usage)
        }
        if las_own_mounts() != 0 { throw .system("this root may not mount") }
        let mounted = try MountedImages(start, folder: folder) { (image, place) throws(ExecutionFailure) in
            var stage: Int32 = 0
            if las_mount_image(image.path, image.offset, image.size, place, &stage) != 0 {
                throw .system(words(stage, image))
            }
        }
        // Last: it is found out beside all this.
        let hasUserNamespaces = try Namespaces.ofTasks()
        return ReachedImages(
            engine: .kernel, reason: reason, metro: mounted.metro,
            environments: mounted.environments, hasUserNamespaces: hasUserNamespaces, mounted: mounted)
    }

    /// Whether the kernel itself may read the images, where the person has not asked for it.
    static func mayRead(_ start: RunStart) -> Bool {
        start.engine != nil || !(start.isStranger ?? false) || start.isSigned ?? false
    }

    /// Begins to mount the first environment, beside what the caller does. Its parts were checked.
    static func begin(_ start: RunStart) {
        guard geteuid() == 0, let image = start.environments.min(by: { $0.key < $1.key })?.value,
            !MountedImages.isSmall(image)
        else { return }
        las_begin_mounting_image(image.path, image.offset, image.size)
    }

    /// Undoes it where it was not taken.
    static func forget() { las_forget_mounting_image() }

    private static let notRoot = "this user is not root, and only root may mount images by the kernel"

    /// What can be told of it without mounting something.
    static var lack: String? {
        if geteuid() != 0 { return notRoot }
        let control = open("/dev/loop-control", O_RDWR | O_CLOEXEC)
        defer { if control >= 0 { close(control) } }
        if control >= 0, las_try_loop(control) == 0 { return nil }
        return ExecutionFailure.system(noLoopDevice).words
    }

    private static let noLoopDevice = "there is no loop device to be had"

    private static func words(_ stage: Int32, _ image: ImageLocation) -> String {
        switch las_mount_stage(UInt32(stage)) {
        case LAS_MOUNT_FILE: "the kernel can't open \(image.path)"
        case LAS_MOUNT_LOOP_CONTROL: noLoopDevice
        case LAS_MOUNT_LOOP: "the loop device can't be set up"
        default: "the kernel can't mount the image \(image.digest.short)"
        }
    }
}
