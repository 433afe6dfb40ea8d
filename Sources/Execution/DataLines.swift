internal import CLinux
package import Files
internal import Glibc
internal import HostProtocol
internal import Threads

/// Further channels that the bytes of parts come over. Each is a process of its own, which hands its input to this one.
final class DataLines {
    private struct Line {
        let socket: Int32
        let input: Int32
        let output: Int32
        let channel: FrameChannel
    }

    private var lines: [Line] = []
    private var turn = 0

    var isEmpty: Bool { lines.isEmpty }

    deinit { end() }

    /// Takes over so many.
    func begin(_ asked: Lines, in lash: LASH) throws {
        end()
        if asked.count == 0 { return }
        guard asked.isFit else { throw ExecutionFailure("impossible lines are asked for", exitCode: .usage) }
        try Folder.make(lash.temporary)
        let name = Self.name(asked.word)
        defer { File.remove("\(lash.temporary)/\(name)") }
        let listening = try Self.inside(lash) { las_local_listen("\($0)/\(name)") }
        if listening < 0 { throw ExecutionFailure.system("can't make a socket in \(lash.temporary)") }
        defer { Glibc.close(listening) }
        let deadline = Clock.monotonic + Self.patience
        var found: [Int: Line] = [:]
        do {
            for _ in 0..<asked.count {
                let (number, line) = try Self.accept(listening, until: deadline)
                if let before = found.updateValue(line, forKey: number) { Self.close(before) }
            }
        } catch {
            found.values.forEach(Self.close)
            throw error
        }
        lines = found.sorted { $0.key < $1.key }.map(\.value)
        for line in lines { line.channel.widen() }
        guard lines.count == asked.count else {
            end()
            throw ExecutionFailure("two of the lines have one number", exitCode: .usage)
        }
    }

    /// Hands on the bytes of the next frame of a part as they come.
    /// - Returns: another frame that came in its place; nil at the end, which is too early.
    func read(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> FrameReader.Taken? {
        let taken = try lines[turn].channel.read(body)
        turn = (turn + 1) % lines.count
        return taken
    }

    func end() {
        lines.forEach(Self.close)
        (lines, turn) = ([], 0)
    }

    /// How long the other processes may take to come, in seconds.
    static let patience = 60.0

    private static func accept(_ listening: Int32, until deadline: Double) throws -> (number: Int, Line) {
        var waits = [pollfd(fd: listening, events: Int16(POLLIN), revents: 0)]
        let left = Int32(max(0, (deadline - Clock.monotonic) * 1000))
        guard poll(&waits, 1, left) > 0 else {
            throw ExecutionFailure("the further channels do not come", exitCode: .unreachable)
        }
        let socket = las_local_accept(listening)
        if socket < 0 { throw ExecutionFailure.system("a further channel can't be taken over") }
        var ends: [Int32] = [-1, -1]
        guard las_take_over(socket, &ends) == 0 else {
            Glibc.close(socket)
            throw ExecutionFailure.system("a further channel is not handed over")
        }
        let line = Line(
            socket: socket, input: ends[0], output: ends[1], channel: FrameChannel(input: ends[0], output: ends[1]))
        var number: UInt8 = 0
        guard Glibc.read(socket, &number, 1) == 1 else {
            close(line)
            throw ExecutionFailure.system("a further channel does not say which it is")
        }
        return (Int(number), line)
    }

    private static func close(_ line: Line) {
        for descriptor in [line.socket, line.input, line.output] { Glibc.close(descriptor) }
    }

    fileprivate static func name(_ word: String) -> String { "line-\(word)" }

    /// Its path may be longer than a socket's may be.
    fileprivate static func inside(_ lash: LASH, _ body: (String) -> Int32) throws -> Int32 {
        let descriptor = try File.open(lash.temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC, action: "read")
        defer { Glibc.close(descriptor) }
        return body("/proc/self/fd/\(descriptor)")
    }
}

/// `las-runtime line`: hands its input and output to the process that serves the host protocol, and waits until that lets them go.
package enum DataLine {
    package static func perform(_ lash: LASH, word: String, number: UInt8, input: Int32, output: Int32) throws {
        guard Lines(word: word, count: 1).isFit else { throw ExecutionFailure("line is started by las only") }
        try Folder.make(lash.temporary)
        let deadline = Clock.monotonic + DataLines.patience
        var socket: Int32 = -1
        while true {
            socket = try DataLines.inside(lash) { las_local_connect("\($0)/\(DataLines.name(word))") }
            if socket >= 0 { break }
            // The request that makes it ready may still be on its way.
            guard errno == ENOENT || errno == ECONNREFUSED, Clock.monotonic < deadline else {
                throw ExecutionFailure.system("the channel that this one belongs to does not answer")
            }
            usleep(5000)
        }
        defer { close(socket) }
        var number = number
        guard las_hand_over(socket, input, output) == 0, write(socket, &number, 1) == 1 else {
            throw ExecutionFailure.system("the channel that this one belongs to does not take it")
        }
        close(input)
        close(output)
        var byte: UInt8 = 0
        while true {
            let count = read(socket, &byte, 1)
            if count < 0, errno == EINTR { continue }
            return
        }
    }
}
