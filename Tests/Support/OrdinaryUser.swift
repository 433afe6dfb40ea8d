internal import CTestSupport
internal import Glibc
internal import Threads

/// A user without any right, for tests that run as root. Where they don't, the one who runs them is ordinary already.
package enum OrdinaryUser {
    /// Of user and group; no such user needs to exist.
    package static let id: UInt32 = 54321

    package static var isRootHere: Bool { geteuid() == 0 }

    /// Runs the body as the ordinary user, in a thread of its own: files that it makes, processes that it starts are that
    /// user's.
    package static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
        if !isRootHere { return try body() }
        return try OwnThread.waiting {
            let code = las_test_become(id)
            if code != 0 { throw CantBecome(code: code) }
            return try body()
        }
    }

    /// Gives a file or folder to the ordinary user.
    package static func give(_ path: String) {
        if isRootHere { chown(path, id, id) }
    }

    private struct CantBecome: Error { let code: Int32 }
}
