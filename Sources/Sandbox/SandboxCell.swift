internal import CLinux
internal import Glibc

/// A sandbox that stays for one program after another: to make one takes longer than most small programs run. Each program has it to
/// itself; it is for another one only where nothing is left of the one before but files in folders that are shown there, which the
/// caller looks at.
///
/// One thread at a time uses it.
package final class SandboxCell: @unchecked Sendable {
    private let launched: las_launched
    /// Whether another program may be started in it.
    package private(set) var isUsable = true
    private var isReaped = false

    /// - Parameter plan: what programs see and may do, with namespaces of processes and mounts, and devices; no program of it is started.
    package init(_ plan: SandboxPlan) throws(SandboxFailure) {
        precondition(plan.namespaces.isSuperset(of: [.mount, .pid, .ipc]), "nothing may be left outside of it")
        launched = try plan.launch(stays: true)
    }

    deinit {
        close(launched.lifeline)
        kill(SIGKILL)
        reap()
        if launched.pidfd >= 0 { close(launched.pidfd) }
    }

    /// Starts the plan's program. Its standard output and error are given, its input is empty; nothing else of the plan counts.
    package func launch(_ plan: SandboxPlan) throws(SandboxFailure) -> SandboxProcess {
        precondition(isUsable, "a program runs there")
        isUsable = false
        let sandbox = try plan.gatheredProgram()
        defer { las_sandbox_free(sandbox) }
        var failure = las_launch_failure()
        guard las_cell_start(launched.lifeline, sandbox, &failure) == 0 else { throw plan.describe(failure) }
        return SandboxProcess(in: self)
    }

    /// Becomes readable when its program has ended.
    var ending: Int32 { launched.lifeline }

    func wait() throws(SandboxFailure) -> (status: Int32, usage: las_usage) {
        var (status, used, isClean) = (Int32(0), las_usage(), Int32(0))
        if las_cell_wait(launched.lifeline, &status, &used, &isClean) == 0 {
            isUsable = isClean != 0 && !wasSignalled
            return (status, used)
        }
        // It has ended itself: killed by who ended its program, or by the kernel.
        reap()
        return (SIGKILL, used)
    }

    /// A signal that was meant for one program must not reach the next.
    private var wasSignalled = false

    func kill(_ signal: Int32) {
        wasSignalled = true
        isUsable = false
        if isReaped { return }
        var launched = launched
        _ = las_sandbox_signal(&launched, signal)
    }

    /// Ends it, and whatever runs in it.
    package func end() {
        kill(SIGKILL)
        reap()
    }

    private func reap() {
        if isReaped { return }
        isReaped = true
        var (launched, status, used) = (launched, Int32(0), las_usage())
        _ = las_sandbox_wait(&launched, &status, &used)
    }

    /// Whether it waits for a program; not where somebody has ended it.
    package var isAlive: Bool {
        var wait = pollfd(fd: launched.lifeline, events: Int16(POLLIN), revents: 0)
        return isUsable && poll(&wait, 1, 0) == 0
    }

    package var pid: Int32 { launched.pid }
}
