internal import Glibc

/// An exclusive or shared lock on a file (flock), which the kernel lets go when the process dies.
package struct FileLock: ~Copyable {
    private let descriptor: Int32

    private init(holding descriptor: Int32) { self.descriptor = descriptor }

    /// Waits until the lock is free; it is let go when the value goes away.
    package static func take(_ path: String, shared: Bool = false) throws(FileFailure) -> FileLock {
        try Folder.make(File.parent(of: path))
        let descriptor = try File.open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o644, action: "lock")
        while flock(descriptor, shared ? LOCK_SH : LOCK_EX) != 0 {
            if errno != EINTR {
                let failure = FileFailure("lock", path)
                close(descriptor)
                throw failure
            }
        }
        return FileLock(holding: descriptor)
    }

    /// Lets it go here, and so keeps it until here.
    package consuming func release() {}

    /// Let go by name: a child that another thread is just starting holds a copy of the descriptor until its exec.
    deinit {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
