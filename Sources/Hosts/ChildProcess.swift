internal import Glibc

/// A program that was started with one socket as its standard input and output, and a pipe as its standard error.
///
/// It leads a process group of its own, so that Ctrl-C at the terminal reaches las alone, which then ends it in order.
final class ChildProcess {
    /// How to call it in an error.
    let name: String
    /// Does not block; nor do the errors.
    let stream: Int32
    let errors: Int32
    private let pid: pid_t
    private var status: Int32?

    /// - Parameter program: an absolute path.
    init(_ program: String, _ arguments: [String], environment: [String: String]) throws(HostFailure) {
        name = program.split(separator: "/").last.map(String.init) ?? program
        var sockets: [Int32] = [-1, -1]
        var pipes: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &sockets) == 0 else {
            throw .system("can't make a socket")
        }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pipes) == 0 else {
            Glibc.close(sockets[0])
            Glibc.close(sockets[1])
            throw .system("can't make a socket")
        }
        _ = fcntl(pipes[0], F_SETFL, O_NONBLOCK)
        _ = fcntl(sockets[0], F_SETFL, O_NONBLOCK)
        // Who writes much has fewer turns then. Where it is too much for the system, it is less.
        var room: Int32 = 1 << 20
        setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &room, socklen_t(MemoryLayout<Int32>.size))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, sockets[1], 0)
        posix_spawn_file_actions_adddup2(&actions, sockets[1], 1)
        posix_spawn_file_actions_adddup2(&actions, pipes[1], 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var pid = pid_t()
        let words = ([program] + arguments).map { strdup($0) }
        let variables = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") }
        defer { (words + variables).forEach { free($0) } }
        let result = posix_spawn(&pid, program, &actions, &attributes, words + [nil], variables + [nil])
        Glibc.close(sockets[1])
        Glibc.close(pipes[1])
        guard result == 0 else {
            Glibc.close(sockets[0])
            Glibc.close(pipes[0])
            throw HostFailure(.system, "can't start \(program)", cause: String(cString: strerror(result)))
        }
        (stream, errors, self.pid) = (sockets[0], pipes[0], pid)
    }

    deinit {
        _ = end(patience: 0)
        Glibc.close(stream)
        Glibc.close(errors)
    }

    /// Waits for its end, asks it to end after `patience` seconds, and ends it by force a second later.
    /// - Returns: its exit status; 128 and the signal's number where a signal ended it.
    func end(patience: Double) -> Int32? {
        if let status { return status }
        let begin = ContinuousClock.Instant.now
        var signalled = false
        while true {
            var raw: Int32 = 0
            let result = waitpid(pid, &raw, WNOHANG)
            if result == pid {
                let signal = raw & 0x7F
                status = signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
                return status
            }
            if result < 0, errno != EINTR { return nil }
            let waited = begin.duration(to: .now)
            if waited > .seconds(patience), !signalled {
                signalled = true
                kill(pid, SIGTERM)
            } else if waited > .seconds(patience + 1) {
                kill(pid, SIGKILL)
            }
            usleep(waited < .milliseconds(50) ? 1000 : 10000)
        }
    }

    /// A program's whole output.
    static func output(
        of program: String, _ arguments: [String], environment: [String: String], atMost limit: Int = 1 << 20
    ) throws(HostFailure) -> (text: String, status: Int32, errors: String?) {
        let channel = try ProcessChannel(program, arguments, environment: environment, waiter: Waiter())
        try channel.finishWriting()
        var output: [UInt8] = []
        while let bytes = try channel.read(waiting: true), !bytes.isEmpty, output.count < limit { output += bytes }
        let status = channel.close()
        return (String(decoding: output, as: UTF8.self), status ?? -1, channel.errors.text)
    }

    /// The program of that name on the PATH.
    static func find(_ name: String, environment: [String: String]) -> String? {
        for folder in (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":") {
            let path = "\(folder)/\(name)"
            if path.hasPrefix("/"), access(path, X_OK) == 0 { return path }
        }
        return nil
    }
}
