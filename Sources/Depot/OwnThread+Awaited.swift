internal import Threads

// Not in the ground, so that the runtime does without Swift's concurrency.
extension OwnThread {
    /// Does `body` on a thread of its own, and waits without holding one of Swift's.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do throws(Refused) {
                try OwnThread { continuation.resume(with: Result { try body() }) }.detach()
            } catch { continuation.resume(throwing: error) }
        }
    }
}
