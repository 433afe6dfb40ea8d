internal import Glibc

/// Threads of our own for work that is cut into pieces: no pool, no run loop, so that the runtime can use them too.
package enum Workers {
    /// As many as the processors that this process may use.
    package static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Runs `body` on `count` threads, each with its number, and returns when all have ended. The caller's is one of them.
    ///
    /// Where the system refuses more threads, fewer do the work: `body` must not wait for a thread of a certain number.
    package static func run(_ count: Int, _ body: @Sendable (Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            var threads: [OwnThread] = []
            for number in 1..<max(1, count) {
                guard let thread = try? OwnThread({ body(number) }) else { break }
                threads.append(thread)
            }
            body(0)
            for thread in threads { thread.join() }
        }
    }

    /// Does `body` for every item on `count` threads.
    ///
    /// After an error no further item is begun; the error of the first item that failed, in their order, is thrown.
    /// - Returns: the results in the order of the items.
    package static func each<Item: Sendable, Value: Sendable>(
        _ items: [Item], on count: Int, _ body: @Sendable (Item) throws -> Value
    ) throws -> [Value] {
        let none: [Result<Value, any Error>?] = Array(repeating: nil, count: items.count)
        let turns = Monitor((next: 0, failed: false, ended: none))
        run(min(count, items.count)) { _ in
            while let turn = turns.change({ turns -> Int? in
                guard !turns.failed, turns.next < items.count else { return nil }
                defer { turns.next += 1 }
                return turns.next
            }) {
                let result = Result { try body(items[turn]) }
                turns.change { turns in
                    turns.ended[turn] = result
                    if case .failure = result { turns.failed = true }
                }
            }
        }
        return try turns.change { try $0.ended.compactMap { try $0?.get() } }
    }
}
