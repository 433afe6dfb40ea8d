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
            var threads: [pthread_t] = []
            for number in 1..<max(1, count) {
                let start = Unmanaged.passRetained(Start(number: number, body: body))
                var thread = pthread_t()
                let code = pthread_create(
                    &thread, nil,
                    { argument in
                        guard let argument else { return nil }
                        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                        start.body(start.number)
                        return nil
                    }, start.toOpaque())
                if code != 0 {
                    start.release()
                    break
                }
                threads.append(thread)
            }
            body(0)
            for thread in threads { pthread_join(thread, nil) }
        }
    }

    private final class Start: Sendable {
        let number: Int
        let body: @Sendable (Int) -> Void
        init(number: Int, body: @escaping @Sendable (Int) -> Void) { (self.number, self.body) = (number, body) }
    }
}
