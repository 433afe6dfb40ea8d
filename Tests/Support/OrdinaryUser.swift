internal import CTestSupport
internal import Glibc

/// A user without any right, for tests that run as root. Where they don't, the one who runs them is ordinary already.
package enum OrdinaryUser {
    /// Of user and group; no such user needs to exist.
    package static let id: UInt32 = 54321

    package static var isRootHere: Bool { geteuid() == 0 }

    /// Runs the body as the ordinary user, in a thread of its own: files that it makes, processes that it starts are that
    /// user's.
    package static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
        if !isRootHere { return try body() }
        let work = Work {
            let code = las_test_become(id)
            if code != 0 { throw CantBecome(code: code) }
            return try body()
        }
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Runnable>.fromOpaque(argument).takeUnretainedValue().run()
                return nil
            }, Unmanaged.passUnretained(work as Runnable).toOpaque())
        if code != 0 { throw CantBecome(code: code) }
        pthread_join(thread, nil)
        guard let result = work.result else { throw CantBecome(code: 0) }
        return try result.get()
    }

    /// Gives a file or folder to the ordinary user.
    package static func give(_ path: String) {
        if isRootHere { chown(path, id, id) }
    }

    private struct CantBecome: Error { let code: Int32 }

    private class Runnable { func run() {} }

    private final class Work<Value>: Runnable {
        let body: () throws -> Value
        var result: Result<Value, any Error>?
        init(_ body: @escaping () throws -> Value) { self.body = body }
        override func run() { result = Result { try body() } }
    }
}
