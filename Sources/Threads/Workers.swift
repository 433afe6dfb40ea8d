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

    /// Does both at the same time, or one after the other where the system refuses a thread; the first one's error before the
    /// other's.
    package static func both<One: Sendable, Other: Sendable>(
        _ one: @Sendable () throws -> One, _ other: @Sendable () throws -> Other
    ) throws -> (One, Other) {
        let none: (next: Int, one: Result<One, any Error>?, other: Result<Other, any Error>?) = (0, nil, nil)
        let state = Monitor(none)
        @Sendable func next() -> Int {
            state.change { state in
                defer { state.next += 1 }
                return state.next
            }
        }
        run(2) { _ in
            while true {
                switch next() {
                case 0:
                    let result = Result { try one() }
                    state.change { $0.one = result }
                case 1:
                    let result = Result { try other() }
                    state.change { $0.other = result }
                default: return
                }
            }
        }
        return try state.change { state in
            guard let one = state.one, let other = state.other else { preconditionFailure("both were done") }
            return (try one.get(), try other.get())
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
