internal import CLinux
internal import Failures
internal import Glibc

/// A program of an engine's own, run to its end: what it printed, and how it ended.
package struct Tool: Sendable {
    package struct Ended: Sendable {
        /// As a shell has it: 128 and the signal's number where a signal ended it.
        package let status: Int32
        package let output: String
        package let errors: String
    }

    package let path: String
    private let environment: [String: String]

    /// - Parameter environment: all that the program gets.
    package init(_ path: String, environment: [String: String]) {
        (self.path, self.environment) = (path, environment)
    }

    /// The first of that name on a PATH.
    package static func find(_ name: String, on path: String) -> String? {
        for folder in path.utf8.split(separator: UInt8(ascii: ":")) {
            let place = String(decoding: folder, as: UTF8.self) + "/" + name
            if place.utf8.first == UInt8(ascii: "/"), access(place, X_OK) == 0 { return place }
        }
        return nil
    }

    /// - Parameter seconds: it is killed when it takes longer.
    package func run(_ arguments: [String], atMost seconds: Int = 120) throws(EngineFailure) -> Ended {
        var (out, err): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        guard las_pipe(&out, 0) == 0 else { throw failure() }
        guard las_pipe(&err, 0) == 0 else {
            close(out[0])
            close(out[1])
            throw failure()
        }
        let pid = start(arguments, input: nil, output: out[1], errors: err[1])
        let code = errno
        close(out[1])
        close(err[1])
        defer {
            close(out[0])
            close(err[0])
        }
        if pid < 0 { throw failure(code) }
        let (output, errors) = Self.read(out[0], err[0], pid, seconds)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return Ended(
            status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal,
            output: String(decoding: output, as: UTF8.self), errors: String(decoding: errors, as: UTF8.self))
    }

    func failure(_ code: Int32 = errno) -> EngineFailure {
        EngineFailure("can't start \(Shown.whole(path))", cause: String(cString: strerror(code)), .resources)
    }

    /// - Parameter input: nil for nothing.
    /// - Returns: its number, or -1 with errno.
    func start(_ arguments: [String], input: Int32?, output: Int32, errors: Int32) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        // Who looks on has blocked the signals that it waits for.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let variables = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var pid: pid_t = -1
        let code = posix_spawn(&pid, path, &actions, &attributes, words, variables)
        errno = code
        return code == 0 ? pid : -1
    }

    private static func read(_ out: Int32, _ err: Int32, _ pid: pid_t, _ seconds: Int) -> ([UInt8], [UInt8]) {
        var texts: [[UInt8]] = [[], []]
        var waits = [
            pollfd(fd: out, events: Int16(POLLIN), revents: 0), pollfd(fd: err, events: Int16(POLLIN), revents: 0),
        ]
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let deadline = time(nil) + seconds
        while waits[0].fd >= 0 || waits[1].fd >= 0 {
            let left = deadline - time(nil)
            if left <= 0 {
                kill(pid, SIGKILL)
                break
            }
            guard poll(&waits, 2, Int32(min(left, 3600) * 1000)) > 0 else { continue }
            for number in waits.indices where waits[number].fd >= 0 && waits[number].revents != 0 {
                let count = Glibc.read(waits[number].fd, &chunk, chunk.count)
                if count < 0, errno == EINTR { continue }
                if count <= 0 {
                    waits[number].fd = -1
                } else if texts[number].count < 1 << 26 {
                    texts[number] += chunk[..<count]
                }
            }
        }
        return (texts[0], texts[1])
    }
}
