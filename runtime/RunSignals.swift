internal import Glibc

/// What is asked of a run's process that looks on while an engine works: SIGTERM, SIGINT and SIGHUP end the run, SIGUSR1 and SIGUSR2
/// pause it and have it go on.
enum RunSignals {
    private static var wanted: sigset_t {
        var wanted = sigset_t()
        sigemptyset(&wanted)
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2] { sigaddset(&wanted, signal) }
        return wanted
    }

    /// From here on they wait until they are asked for.
    static func block() {
        var wanted = wanted
        pthread_sigmask(SIG_BLOCK, &wanted, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// - Returns: nil where none comes in so many milliseconds.
    static func next(within milliseconds: Int) -> Int32? {
        var wanted = wanted
        var rest = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        let signal = sigtimedwait(&wanted, nil, &rest)
        return signal > 0 ? signal : nil
    }
}
