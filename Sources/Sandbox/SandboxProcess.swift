internal import CLinux
internal import Glibc

/// How a program ended.
package enum SandboxEnd: Hashable, Sendable {
    case exited(Int32)
    case signaled(Int32)

    package var isSuccess: Bool { self == .exited(0) }

    init(waitStatus status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited((status >> 8) & 0xff) : .signaled(signal)
    }
}

/// A sandbox that runs. When the value goes away while it still does, the sandbox is killed; when the whole process dies,
/// too.
package struct SandboxProcess: ~Copyable, Sendable {
    private let launched: las_launched
    private var end: SandboxEnd?

    init(_ launched: las_launched) { self.launched = launched }

    package var pid: Int32 { launched.pid }

    /// Becomes readable when the sandbox's program has ended: for poll and epoll. Belongs to this value.
    package var ending: Int32 { launched.status >= 0 ? launched.status : launched.pidfd }

    /// Waits for the end of the program and of all that it started (in a pid namespace; otherwise of the program).
    package mutating func wait() throws(SandboxFailure) -> SandboxEnd {
        if let end { return end }
        var (launched, status) = (launched, Int32(0))
        let code = las_sandbox_wait(&launched, &status)
        // Somebody else has reaped it: not known how it ended.
        if code != 0 { throw SandboxFailure(.clone, "can't wait for the sandbox", code: code) }
        let end = SandboxEnd(waitStatus: status)
        self.end = end
        return end
    }

    /// Sends a signal to all processes of the sandbox; SIGKILL ends it. One that has ended is fine.
    package func kill(_ signal: Int32) {
        if end != nil { return }
        var launched = launched
        _ = las_sandbox_signal(&launched, signal)
    }

    deinit {
        if end == nil {
            var (launched, status) = (launched, Int32(0))
            _ = las_sandbox_signal(&launched, SIGKILL)
            _ = las_sandbox_wait(&launched, &status)
        }
        for descriptor in [launched.pidfd, launched.status, launched.lifeline] where descriptor >= 0 {
            close(descriptor)
        }
    }
}
