internal import Glibc

/// A thread for what changes the thread that it runs in: its user, its mounts.
package enum OwnThread {
    package static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
        let work = Work(body)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Runnable>.fromOpaque(argument).takeUnretainedValue().run()
                return nil
            }, Unmanaged.passUnretained(work as Runnable).toOpaque())
        if code != 0 { throw CantStart(code: code) }
        pthread_join(thread, nil)
        guard let result = work.result else { throw CantStart(code: 0) }
        return try result.get()
    }

    private struct CantStart: Error { let code: Int32 }

    private class Runnable { func run() {} }

    private final class Work<Value>: Runnable {
        let body: () throws -> Value
        var result: Result<Value, any Error>?
        init(_ body: @escaping () throws -> Value) { self.body = body }
        override func run() { result = Result { try body() } }
    }
}
