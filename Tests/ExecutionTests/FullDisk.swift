import Files
import Glibc
import TestSupport

/// A small disk of its own: a tmpfs, mounted in a namespace of the test's thread.
enum FullDisk {
    /// - Parameter size: as mount(8) takes it.
    static func with(size: String = "4m", _ body: @Sendable @escaping (String) throws -> Void) throws {
        try withScratch { scratch in
            let folder = scratch + "/disk"
            try Folder.make(folder)
            let mounted = try Program("mount").run("-t", "tmpfs", "-o", "size=\(size)", "tmpfs", folder)
            // A user can't mount one: nothing to be tested then.
            guard mounted.status == 0 else { return }
            defer { _ = try? Program("umount").run("-l", folder) }
            try body(folder)
        }
    }

    /// Fills the disk but for some bytes, with the file `filler`.
    static func fill(_ folder: String, leaving free: Int64) {
        let descriptor = open(folder + "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        defer { close(descriptor) }
        let zeros = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, zeros, zeros.count) > 0 {}
        let size = lseek(descriptor, 0, SEEK_END)
        ftruncate(descriptor, max(0, size - off_t(free)))
    }
}
