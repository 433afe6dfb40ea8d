internal import Glibc
internal import Synchronization

/// Threads for work that blocks (files, libraries, child processes), which Swift's own few threads must not do.
enum Threads {
    /// Does `body` on a thread of its own.
    static func alone<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let thread = start { continuation.resume(with: Swift.Result { try body() }) }
            if let thread {
                pthread_detach(thread)
            } else {
                continuation.resume(throwing: DepotFailure("the system gives no further thread", .resources))
            }
        }
    }

    /// Does `body` on a thread that nobody waits for.
    static func aside(_ body: @escaping @Sendable () -> Void) {
        if let thread = start(body) { pthread_detach(thread) }
    }

    /// Does `body` for every item on `width` threads, or on fewer where the system gives no more.
    ///
    /// After an error no further item is begun; the error of the first item that failed, in their order, is thrown.
    /// - Returns: the results in the order of the items.
    static func each<Item: Sendable, Result: Sendable>(
        _ items: [Item], width: Int, _ body: @escaping @Sendable (Item) throws -> Result
    ) throws -> [Result] {
        let turns = Turns<Result>(count: items.count)
        let work: @Sendable () -> Void = {
            while let turn = turns.next() { turns.end(turn, with: Swift.Result { try body(items[turn]) }) }
        }
        let threads = (1..<max(1, min(width, items.count))).compactMap { _ in start(work) }
        work()
        for thread in threads { pthread_join(thread, nil) }
        return try turns.results()
    }

    /// Which items are begun, and what came of them.
    private final class Turns<Value: Sendable>: Sendable {
        private let state: Mutex<(next: Int, failed: Bool, ended: [Result<Value, any Error>?])>

        init(count: Int) { state = Mutex((0, false, Array(repeating: nil, count: count))) }

        func next() -> Int? {
            state.withLock { state in
                guard !state.failed, state.next < state.ended.count else { return nil }
                defer { state.next += 1 }
                return state.next
            }
        }

        func end(_ turn: Int, with result: Result<Value, any Error>) {
            state.withLock { state in
                state.ended[turn] = result
                if case .failure = result { state.failed = true }
            }
        }

        func results() throws -> [Value] { try state.withLock { try $0.ended.compactMap { try $0?.get() } } }
    }

    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body)).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, work)
        if code == 0 { return thread }
        Unmanaged<Work>.fromOpaque(work).release()
        return nil
    }
}

/// A sum that several threads add to.
final class Counter: Sendable {
    private let value = Mutex<Int64>(0)

    /// - Returns: the sum afterwards.
    func add(_ amount: Int64) -> Int64 {
        value.withLock {
            $0 += amount
            return $0
        }
    }
}
