internal import CLinux
internal import Files
internal import Glibc

/// What is asked of the process of a run on this machine, by signals: nobody waits in the run's folder or looks at a clock.
package struct RunControl {
    private let folder: RunFolder

    package init(_ folder: RunFolder) { self.folder = folder }

    package enum Wish: Sendable {
        /// Asks the tasks to end, and ends the run.
        case cancel
        /// Starts nothing further; what runs goes on to its end.
        case pause
        case goOn

        fileprivate var signal: Int32 {
            switch self {
            case .cancel: SIGTERM
            case .pause: SIGUSR1
            case .goOn: SIGUSR2
            }
        }
    }

    /// What `Piece` listens to.
    static let signals = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2]

    /// - Returns: false where nobody runs it any more.
    @discardableResult
    package func ask(_ wish: Wish) throws(ExecutionFailure) -> Bool {
        guard Journal.isHeld(folder.journal) else { return false }
        guard let pid = folder.process else {
            throw ExecutionFailure(
                "the run's process is not known", place: folder.pid,
                cause: "it is only just beginning, or its folder is damaged", fix: "try again", exitCode: .integrity)
        }
        let pidfd = las_pidfd(pid)
        defer { if pidfd >= 0 { close(pidfd) } }
        // The number is that of the run's process as long as it holds the journal; the descriptor then stays that one's.
        guard Journal.isHeld(folder.journal) else { return false }
        let sent = pidfd >= 0 ? las_signal_pidfd(pidfd, wish.signal) : kill(pid, wish.signal)
        if sent != 0, errno != ESRCH { throw ExecutionFailure.system("can't signal the run's process") }
        return true
    }
}
