internal import CLinux
internal import Files
internal import Glibc

/// What a task writes to one of its outputs, on its way through a pipe into a file below the run's `logs`: the first 64 MiB
/// and the last 16 KiB. There is no file until something is written.
final class TaskLog {
    static let largest = 64 << 20
    static let tailLength = 16 << 10

    /// The end that the task writes to; closed once it runs.
    private(set) var input: Int32
    let output: Int32
    private var file: Int32 = -1
    private let path: String
    private var written = 0
    private var leftOut = 0
    private(set) var tail: [UInt8] = []
    private var masking: Masking

    /// - Parameter secrets: texts that are not to be seen in it, the longer ones first.
    init(_ path: String, without secrets: [[UInt8]] = []) throws(FileFailure) {
        masking = Masking(secrets)
        var ends: [Int32] = [-1, -1]
        if las_pipe(&ends, 1) != 0 { throw FileFailure("make a pipe for", path) }
        (self.path, output, input) = (path, ends[0], ends[1])
    }

    deinit {
        if file >= 0 { close(file) }
        close(output)
        closeInput()
    }

    func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    /// Takes what is there.
    /// - Returns: whether more may come.
    func drain() -> Bool {
        // Most tasks print nothing.
        var waiting = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        if poll(&waiting, 1, 0) == 0 { return true }
        if waiting.revents & Int16(POLLIN) == 0 { return false }
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(output, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return errno == EAGAIN }
            if count == 0 { return false }
            take(masking.take(chunk[..<count])[...])
        }
    }

    /// Takes what was written to a file instead, up to its end.
    func take(fileAt path: String) throws(FileFailure) {
        let descriptor = try File.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, action: "read")
        defer { close(descriptor) }
        closeInput()
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileFailure("read", path) }
            if count == 0 { return finish() }
            take(masking.take(chunk[..<count])[...])
        }
    }

    /// What las says of the task, after what that has written.
    func add(_ text: String) {
        _ = drain()
        take(Array(text.utf8)[...])
    }

    private func take(_ bytes: ArraySlice<UInt8>) {
        if bytes.isEmpty { return }
        tail.append(contentsOf: bytes.suffix(Self.tailLength))
        if tail.count > 4 * Self.tailLength { tail.removeFirst(tail.count - Self.tailLength) }
        let kept = bytes.prefix(Self.largest - written)
        if file < 0 { open() }
        // A full disk must not stop the task for its chatter.
        try? File.writeAll(Array(kept), to: file, path: path)
        written += kept.count
        leftOut += bytes.count - kept.count
    }

    private func open() {
        try? Folder.make(File.parent(of: path))
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
        file = (try? File.open(path, flags, mode: 0o600, action: "write")) ?? -1
    }

    /// Writes the end of what did not fit.
    func finish() {
        _ = drain()
        take(masking.finish()[...])
        let end = tail.suffix(min(Self.tailLength, leftOut))
        if leftOut > 0 {
            let text = "\n[las: \(leftOut - end.count) bytes left out here]\n"
            try? File.writeAll(Array(text.utf8) + end, to: file, path: path)
        }
    }

    /// What was written by now is not the end of anything.
    func forgetTail() { tail = [] }

    /// The last lines, for an event.
    var end: String {
        var text = tail.suffix(4096)
        if tail.count > text.count, let newline = text.firstIndex(of: UInt8(ascii: "\n")) {
            text = text[(newline + 1)...]
        }
        return String(decoding: text, as: UTF8.self)
    }
}
