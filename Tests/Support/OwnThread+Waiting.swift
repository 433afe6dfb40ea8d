package import Threads

extension OwnThread {
    /// Does `body` on a thread of its own, and waits for its end: for what changes the thread's user or its mounts.
    package static func waiting<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let result = Monitor<Result<Value, any Error>?>(nil)
        try OwnThread {
            let made = Result { try body() }
            result.change { $0 = made }
        }.join()
        return try result.await { $0 }.get()
    }
}
