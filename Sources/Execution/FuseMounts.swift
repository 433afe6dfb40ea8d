internal import CLinux
internal import Glibc
internal import Unpacking

/// Images mounted by FUSE in a user namespace of the runtime's own, and served by a child of it.
///
/// The child has nothing mounted itself: what holds the mounts are the namespaces of the run and of its tasks. When the last of
/// these has ended, however it ended, the kernel tells the child, and the child ends. So a mount never outlives its users, and
/// never goes away below one.
enum FuseMounts {
    static func reach(
        _ start: RunStart, folder: RunFolder, reason: String
    ) throws(ExecutionFailure) -> ReachedImages {
        try check()
        if las_own_user_namespace() != 0 { throw .system("this user may not make user namespaces") }
        var (servers, devices): ([ImageServer], [Int32]) = ([], [])
        // The child has its own copies.
        defer { for device in devices { close(device) } }
        let mounted = try MountedImages(start, folder: folder) { (image, place) throws(ExecutionFailure) in
            let reader: ImageReader
            do throws(UnpackFailure) { reader = try ImageReader(image.path, offset: image.offset) } catch {
                throw ExecutionFailure(error)
            }
            var (device, stage) = (Int32(-1), Int32(0))
            if las_mount_fuse(place, &device, &stage) != 0 { throw .system(words(stage)) }
            devices.append(device)
            do throws(UnpackFailure) { servers.append(try ImageServer(reader, device: device)) } catch {
                throw ExecutionFailure(error)
            }
        }
        let child = las_fork()
        if child < 0 { throw .system("the process that serves the images can't be started") }
        if child == 0 { serve(servers, mounted) }
        mounted.server = child
        return ReachedImages(
            engine: .fuse, reason: reason, metro: mounted.metro,
            environments: mounted.environments, hasUserNamespaces: true, mounted: mounted)
    }

    private static func serve(_ servers: [ImageServer], _ mounted: MountedImages) -> Never {
        let places = mounted.places.map { UnsafePointer<CChar>(strdup($0)) }
        let kept = servers.flatMap(\.descriptors)
        if las_stand_alone(kept, Int32(kept.count), places, Int32(places.count)) == 0 { ImageServer.serve(servers) }
        _exit(0)
    }

    /// What can be told without changing this process.
    private static func check() throws(ExecutionFailure) {
        let device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
        if device < 0 { throw .system(words(Int32(LAS_FUSE_DEVICE.rawValue))) }
        close(device)
        if let refusal = Namespaces.refusal { throw refusal }
    }

    /// Found by mounting, in a process of its own.
    static var lack: String? {
        if let refusal = Namespaces.refusal { return refusal.words }
        var stage: Int32 = 0
        let code = las_try_fuse(&stage)
        return code == 0 ? nil : ExecutionFailure.system(words(stage), code: code).words
    }

    private static func words(_ stage: Int32) -> String {
        las_fuse_stage(UInt32(stage)) == LAS_FUSE_DEVICE
            ? "this user can't open /dev/fuse" : "the kernel does not let this user mount by FUSE"
    }
}
