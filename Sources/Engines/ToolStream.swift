internal import CLinux
internal import Failures
internal import Glibc

/// A program of an engine's own that goes on, and is spoken with: what it prints comes as it prints it. It ends with this object, by
/// a signal at the latest.
package final class ToolStream {
    private let pid: pid_t
    private let input: Int32
    private let output: Int32
    private let errors: Int32
    private var said: [UInt8] = []
    private var hasEnded = false

    package init(_ tool: Tool, _ arguments: [String]) throws(EngineFailure) {
        var pipes: [[Int32]] = []
        for _ in 0..<3 {
            var ends: [Int32] = [-1, -1]
            guard las_pipe(&ends, 0) == 0 else {
                let failure = tool.failure()
                for end in pipes.joined() { close(end) }
                throw failure
            }
            pipes.append(ends)
        }
        let (inward, outward, aside) = (pipes[0], pipes[1], pipes[2])
        pid = tool.start(arguments, input: inward[0], output: outward[1], errors: aside[1])
        let code = errno
        for end in [inward[0], outward[1], aside[1]] { close(end) }
        (input, output, errors) = (inward[1], outward[0], aside[0])
        if pid < 0 {
            hasEnded = true
            throw tool.failure(code)
        }
    }

    deinit {
        for end in [input, output, errors] { close(end) }
        if hasEnded { return }
        kill(pid, SIGKILL)
        while waitpid(pid, nil, 0) < 0, errno == EINTR {}
    }

    /// Of what it wrote to the standard error, the end.
    package var errorText: String { Shown.text(String(decoding: said.suffix(1000), as: UTF8.self), atMost: 500) }

    /// - Returns: what it has printed; empty where nothing came in so many milliseconds; nil where nothing will come any more.
    package func read(within milliseconds: Int) -> [UInt8]? {
        var waits = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&waits, 2, Int32(milliseconds)) > 0 else { return [] }
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        if waits[1].revents & Int16(POLLIN) != 0 {
            let count = Glibc.read(errors, &chunk, chunk.count)
            if count > 0 { said = (said + chunk[..<count]).suffix(1 << 14) }
        }
        guard waits[0].revents != 0 else { return [] }
        let count = Glibc.read(output, &chunk, chunk.count)
        if count < 0, errno == EINTR { return [] }
        return count > 0 ? Array(chunk[..<count]) : nil
    }

    /// - Returns: false where it listens no more. Who writes has SIGPIPE ignored.
    @discardableResult
    package func write(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
