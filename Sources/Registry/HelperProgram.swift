internal import Glibc

/// A small program that is asked one thing: a line in, some text out.
enum HelperProgram {
    private static let most = 1 << 20

    /// - Returns: nil where it can't be started. What it says on its standard error is the person's to see.
    static func output(
        of path: String, _ arguments: [String], input: String, environment: [String: String]
    ) -> (status: Int32, output: [UInt8])? {
        var (toIt, fromIt): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        guard pipe(&toIt) == 0 else { return nil }
        guard pipe(&fromIt) == 0 else {
            toIt.forEach { close($0) }
            return nil
        }
        for descriptor in toIt + fromIt { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toIt[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromIt[1], 1)
        var pid: pid_t = 0
        let words = [path] + arguments
        let settings = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let result = withTexts(words) { words in
            withTexts(settings) { settings in posix_spawn(&pid, path, &actions, nil, words, settings) }
        }
        close(toIt[0])
        close(fromIt[1])
        defer { close(fromIt[0]) }
        guard result == 0 else {
            close(toIt[1])
            return nil
        }
        // Small enough for a pipe, so that it never waits; a program that reads nothing is no reason to die.
        var line = Array(input.utf8.prefix(4096))
        var handler = sigaction()
        var before = sigaction()
        handler.__sigaction_handler.sa_handler = SIG_IGN
        sigaction(SIGPIPE, &handler, &before)
        _ = write(toIt[1], &line, line.count)
        sigaction(SIGPIPE, &before, nil)
        close(toIt[1])
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(fromIt[0], &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            if output.count < most { output += buffer[..<count] }
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return (status & 0x7f == 0 ? status >> 8 & 0xff : 255, output)
    }

    private static func withTexts<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) } + [nil]
        defer { copies.forEach { free($0) } }
        return body(copies)
    }
}
