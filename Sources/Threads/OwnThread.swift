package import Failures
internal import Glibc

/// A thread for work that blocks (files, libraries, hosts), which Swift's own few threads must not do, or that changes the
/// thread it runs in. Either `join` or `detach` follows, once.
package struct OwnThread: Sendable {
    private let thread: pthread_t

    /// Begins `body`.
    package init(_ body: @escaping @Sendable () -> Void) throws(Refused) {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body: body))
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        if code != 0 {
            work.release()
            throw Refused(code: code)
        }
        self.thread = thread
    }

    /// Waits for its end.
    package func join() { pthread_join(thread, nil) }

    /// Nobody waits for its end.
    package func detach() { pthread_detach(thread) }

    /// The system gives no further thread.
    package struct Refused: Failure {
        package let code: Int32
        package var summary: String { "the system gives no further thread" }
        package var cause: String? { String(cString: strerror(code)) }
        package var exitCode: ExitCode { .resources }
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
