internal import Glibc

/// Keeps what lies in LASH's store from being cleared away, as long as this lives or until it is let go.
///
/// Held by whoever makes things there, or is about to use them; many may hold it at a time. What a run uses is known by the
/// run itself once it has begun. `locks/store`.
package final class StoreHold: Sendable {
    private let descriptor: Int32

    private init(_ lash: LASH) throws(FileFailure) {
        try Folder.make(lash.locks)
        descriptor = try File.open(lash.locks + "/store", O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o644, action: "lock")
    }

    /// - Parameter waiting: called once where the store is being cleared up, before that is waited for.
    package convenience init(_ lash: LASH, waiting: () -> Void) throws(FileFailure) {
        try self.init(lash)
        if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return }
        waiting()
        while flock(descriptor, LOCK_SH) != 0 {
            if errno != EINTR { throw FileFailure("lock", lash.locks + "/store") }
        }
    }

    /// For who clears up: nobody else holds it, and nobody gets it meanwhile.
    /// - Returns: nil where somebody does.
    package static func alone(in lash: LASH) throws(FileFailure) -> StoreHold? {
        let hold = try StoreHold(lash)
        while flock(hold.descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { return nil }
            if errno != EINTR { throw FileFailure("lock", lash.locks + "/store") }
        }
        return hold
    }

    /// By name: a child that another thread is just starting holds a copy of the descriptor until its exec.
    package func release() { flock(descriptor, LOCK_UN) }

    deinit {
        release()
        close(descriptor)
    }
}
