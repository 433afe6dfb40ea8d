internal import CLinux
internal import Files
internal import Glibc
internal import Unpacking

/// Mounts in the process's own namespace, below a folder of the run; unmounted when this goes away, or with the process.
///
/// Upon that folder is a file system in memory: a small image is there sooner than it is mounted, and so is the folder that another one is
/// mounted on. Of the outer world the run's folder stays empty.
final class MountedImages {
    private(set) var metro = ""
    private(set) var environments: [String: String] = [:]
    /// What has to be unmounted, with all that lies upon it.
    private(set) var places: [String] = []
    private let folder: String
    /// Of the process that serves them; it ends by itself when nothing has them mounted.
    var server: Int32?

    /// Mounts all images of the run by `mount`.
    init(
        _ start: RunStart, folder run: RunFolder,
        _ mount: (_ image: ImageLocation, _ place: String) throws(ExecutionFailure) -> Void
    ) throws(ExecutionFailure) {
        folder = run.mounts
        do throws(FileFailure) { try Folder.make(folder) } catch { throw ExecutionFailure(error) }
        let isInMemory = las_mount_memory(folder) == 0
        if isInMemory { places.append(folder) }
        let images = [("", start.metro)] + start.environments.sorted { $0.key < $1.key }
        for (number, (name, image)) in images.enumerated() {
            // A number is a safe name.
            let place = "\(folder)/\(number)"
            do throws(FileFailure) { try Folder.make(place) } catch { throw ExecutionFailure(error) }
            if !(isInMemory && Self.isSmall(image) && Self.unpack(image, place)) {
                if isInMemory { try? Folder.empty(place) }
                try mount(image, place)
                if !isInMemory { places.append(place) }
            }
            if name.isEmpty { metro = place } else { environments[name] = place }
        }
    }

    /// Up to this size an image is unpacked rather than mounted: most metros' own are.
    static func isSmall(_ image: ImageLocation) -> Bool { image.size <= 256 << 10 }

    /// - Returns: false where it has to be mounted after all.
    private static func unpack(_ image: ImageLocation, _ place: String) -> Bool {
        (try? ImageReader(image.path, offset: image.offset).unpack(into: place, threads: 1)) != nil
    }

    deinit {
        for place in places {
            las_unmount(place)
            rmdir(place)
        }
        for name in (try? Folder.names(in: folder)) ?? [] { rmdir("\(folder)/\(name)") }
        rmdir(folder)
        // Not for long, and not for ever: who else may still see a mount is not known here.
        for _ in 0..<100 {
            guard let server, waitpid(server, nil, WNOHANG) == 0 else { return }
            usleep(1000)
        }
    }
}
