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

/// What a program, and those that it started and waited for, have used of the machine.
package struct SandboxUsage: Hashable, Sendable {
    /// Seconds of processors' time, in the program itself and in the kernel for it.
    package var user = 0.0
    package var system = 0.0
    /// Bytes that the largest process had in memory at once. No less than what the process that launched it had then: the kernel
    /// counts on from there.
    package var peakMemory: Int64 = 0
    /// What `peakMemory` is no less than in any case; nil where that is not known.
    package var floorMemory: Int64?

    package init() {}

    init(_ usage: las_usage) {
        (user, system) = (Double(usage.user_microseconds) / 1e6, Double(usage.system_microseconds) / 1e6)
        peakMemory = usage.peak_memory
        floorMemory = usage.floor_memory > 0 ? usage.floor_memory : nil
    }

    /// What one used after the other.
    package mutating func add(_ other: SandboxUsage) {
        user += other.user
        system += other.system
        if other.peakMemory >= peakMemory { (peakMemory, floorMemory) = (other.peakMemory, other.floorMemory) }
    }
}

/// A sandbox that runs. When the value goes away while it still does, the sandbox is killed; when the whole process dies,
/// too.
package struct SandboxProcess: ~Copyable, Sendable {
    private let launched: las_launched
    /// The one that it runs in, where that stays after it.
    private let cell: SandboxCell?
    private var end: SandboxEnd?
    /// Once it has ended.
    package private(set) var usage = SandboxUsage()

    init(_ launched: las_launched) { (self.launched, cell) = (launched, nil) }

    init(in cell: SandboxCell) {
        (launched, self.cell) = (las_launched(pid: -1, pidfd: -1, status: -1, lifeline: -1, kept: 0), cell)
    }

    package var pid: Int32 { cell?.pid ?? launched.pid }

    /// Becomes readable when the sandbox's program has ended: for poll and epoll. Belongs to this value.
    package var ending: Int32 { cell?.ending ?? own }
    private var own: Int32 { launched.status >= 0 ? launched.status : launched.pidfd }

    /// Waits for the end of the program and of all that it started (in a pid namespace; otherwise of the program).
    package mutating func wait() throws(SandboxFailure) -> SandboxEnd {
        if let end { return end }
        if let cell {
            let ended = try cell.wait()
            let end = SandboxEnd(waitStatus: ended.status)
            (self.end, usage) = (end, SandboxUsage(ended.usage))
            return end
        }
        var (launched, status, used) = (launched, Int32(0), las_usage())
        let code = las_sandbox_wait(&launched, &status, &used)
        // Somebody else has reaped it: not known how it ended.
        if code != 0 { throw SandboxFailure(.clone, "can't wait for the sandbox", code: code) }
        let end = SandboxEnd(waitStatus: status)
        self.end = end
        usage = SandboxUsage(used)
        return end
    }

    /// Sends a signal to all processes of the sandbox; SIGKILL ends it. One that has ended is fine.
    package func kill(_ signal: Int32) {
        if end != nil { return }
        if let cell { return cell.kill(signal) }
        var launched = launched
        _ = las_sandbox_signal(&launched, signal)
    }

    deinit {
        if let cell {
            if end == nil {
                cell.kill(SIGKILL)
                _ = try? cell.wait()
            }
            return
        }
        if end == nil {
            var (launched, status, used) = (launched, Int32(0), las_usage())
            _ = las_sandbox_signal(&launched, SIGKILL)
            _ = las_sandbox_wait(&launched, &status, &used)
        }
        for descriptor in [launched.pidfd, launched.status, launched.lifeline] where descriptor >= 0 {
            close(descriptor)
        }
    }
}
