internal import Failures

/// Brings the runtime to a host that has nothing but `sh`, `mkdir`, `cat`, `chmod` and `mv`, and starts it there.
///
/// The scripts go to `sh` on its standard input, so no shell of the account has anything to quote. Each is one function,
/// called in its last line: a shell that reads its script byte by byte leaves what follows to `cat` and to the runtime.
/// A random word before each answer tells it from what the account's start-up files print.
struct Bootstrap {
    let runtime: HostRuntime
    /// LASH there; nil for the account's own.
    let lash: String?
    let transport: any Transport
    let waiter: Waiter
    var limit: RateLimit?
    private let word = "las-" + String(UInt64.random(in: 0 ... .max), radix: 36)

    /// - Parameter progress: told how many bytes of the runtime were sent, when it has to be.
    /// - Returns: the channel to the runtime, and what it said already.
    func start(progress: (Int64) -> Void) throws(HostFailure) -> (channel: any Channel, begun: [UInt8]) {
        let first = try begin(
            """
            f=$l/runtimes/\(runtime.digest.hex)
            echo "\(word) facts $(uname -sm 2>/dev/null || echo unknown)"
            if [ -f "$f" ]; then echo "\(word) ready"; exec "$f" serve --lash "$l" --expect \(runtime.digest.hex); fi
            mkdir -p "$l/runtimes" || exit 1
            echo "\(word) missing"
            """)
        try check(facts: try first.answer("facts"))
        if try first.answer("ready", or: "missing") == "ready" { return (first.channel, first.rest) }
        try first.end()
        return try upload(progress: progress)
    }

    private func upload(progress: (Int64) -> Void) throws(HostFailure) -> (channel: any Channel, begun: [UInt8]) {
        let beside = ".\(runtime.digest.hex).\(word).new"
        let second = try begin(
            """
            t=$l/runtimes/\(beside)
            echo "\(word) send"
            cat > "$t" && return 0
            rm -f "$t" 2>/dev/null || : > "$t"
            return 1
            """)
        _ = try second.answer("send")
        do throws(HostFailure) {
            try HostRuntime.pieces(of: runtime.path) { (piece) throws(HostFailure) in
                try waiter.wait(for: limit, piece.count)
                try second.channel.write(piece)
                progress(Int64(piece.count))
            }
        } catch {
            // What ended there says why better than a connection that takes no more.
            if error.kind == .cut { try second.end() }
            throw error
        }
        try second.channel.finishWriting()
        try second.end()
        let third = try begin(
            """
            t=$l/runtimes/\(beside)
            f=$l/runtimes/\(runtime.digest.hex)
            chmod 700 "$t" && "$t" adopt \(runtime.digest.hex) \(runtime.size) "$f"
            s=$?
            if [ $s != 0 ]; then rm -f "$t" 2>/dev/null || : > "$t"; return $s; fi
            echo "\(word) ready"
            exec "$f" serve --lash "$l" --expect \(runtime.digest.hex)
            """)
        _ = try third.answer("ready")
        return (third.channel, third.rest)
    }

    /// A further channel, which the runtime of the first one takes over; nothing is waited for.
    /// - Parameter name: what they find each other by.
    func line(_ name: String, number: Int) throws(HostFailure) -> any Channel {
        try begin(
            """
            f=$l/runtimes/\(runtime.digest.hex)
            exec "$f" line --lash "$l" --expect \(runtime.digest.hex) \(name) \(number)
            """
        ).channel
    }

    private func begin(_ script: String) throws(HostFailure) -> Conversation {
        let channel = try transport.start("exec sh")
        let text = "las() {\nl=\(Self.folder(lash))\n\(script)\n}\nlas; exit\n"
        let conversation = Conversation(channel, word: word, transport: transport, waiter: waiter)
        do throws(HostFailure) { try channel.write(Array(text.utf8)) } catch {
            if error.kind == .cut { try conversation.end() }
            throw error
        }
        return conversation
    }

    /// LASH on a host, as its shell reads it.
    static func folder(_ lash: String?) -> String {
        switch lash {
        case let path? where path.hasPrefix("~/"): "$HOME/" + HostText.quoted(String(path.dropFirst(2)))
        case let path?: HostText.quoted(path)
        case nil: "${LASH:-$HOME/.las}"
        }
    }

    private func check(facts: String) throws(HostFailure) {
        // Without uname the kernel's own refusal tells.
        let words = facts.split(separator: " ")
        guard words.count == 2 else { return }
        guard words[0] == "Linux" else {
            throw HostFailure(
                .unfitHost, "the host runs \(Shown.whole(String(words[0]))), and las needs Linux there")
        }
        guard words[1] == runtime.architecture else {
            throw HostFailure(
                .unfitHost,
                "the host is a \(Shown.whole(String(words[1]))) machine, and this las brings a runtime for \(runtime.architecture)",
                fix: "use a host of the same kind as this machine")
        }
    }
}

/// Answers of a script: lines that begin with a word of its own.
final class Conversation {
    let channel: any Channel
    private let word: String
    private let transport: any Transport
    private let waiter: Waiter
    private var buffer: [UInt8] = []
    private static let limit = 256 << 10

    init(_ channel: any Channel, word: String, transport: any Transport, waiter: Waiter) {
        (self.channel, self.word, self.transport, self.waiter) = (channel, word, transport, waiter)
    }

    /// What came after the last answer.
    var rest: [UInt8] { buffer }

    /// Passes over lines that are no answers.
    /// - Returns: what follows the key; the key itself where there are two.
    func answer(_ key: String, or other: String? = nil) throws(HostFailure) -> String {
        try waiter.within(60, "the host lets its shell start, but says nothing") { () throws(HostFailure) -> String in
            var passed = 0
            while true {
                while let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = String(decoding: buffer[..<end], as: UTF8.self)
                    buffer.removeFirst(end + 1)
                    passed += end + 1
                    if line == "\(word) \(key)" || line.hasPrefix("\(word) \(key) ") {
                        return other == nil ? String(line.dropFirst(word.count + key.count + 2)) : key
                    }
                    if let other, line == "\(word) \(other)" { return other }
                }
                guard buffer.count + passed < Self.limit else {
                    throw HostFailure(
                        .unfitHost, "the account's start-up files print without end",
                        fix: "they must be silent for shells that are not interactive")
                }
                guard let bytes = try channel.read(waiting: true) else { continue }
                if bytes.isEmpty {
                    try end()
                    throw HostFailure(
                        .unfitHost, "the host's shell ended without an answer", cause: channel.errors.text,
                        fix: "does the account have a shell that may run commands?")
                }
                buffer += bytes
            }
        }
    }

    /// Waits for the script's end.
    /// - Throws: where it did not end well.
    func end() throws(HostFailure) {
        try waiter.within(60, "the host does not end a program that it started") { () throws(HostFailure) in
            while let bytes = try channel.read(waiting: true) { if bytes.isEmpty { break } }
        }
        let status = channel.close()
        if status == 0 { return }
        throw Self.failure(status: status, errors: channel.errors.text, transport: transport)
    }

    /// What the end of a script, or of the runtime, means.
    static func failure(status: Int32?, errors: String?, transport: (any Transport)?) -> HostFailure {
        if let failure = transport?.failure(status: status, errors: errors) { return failure }
        let text = errors ?? ""
        if text.contains("No space left on device") || text.contains("Disk quota exceeded") {
            return HostFailure(
                .noRoom, "the host's disk is full where LASH lies", cause: errors,
                fix: "free some space there, or name another folder: las host add … --host-lash DIR")
        }
        switch status {
        case 126 where text.contains("Exec format"), 127 where text.contains("Exec format"):
            return HostFailure(
                .unfitHost, "the host can't run this las's runtime: it is another kind of machine", cause: errors)
        case 126:
            return HostFailure(
                .unfitHost, "the host does not start programs that lie in LASH", cause: errors,
                fix: "its file system may be mounted noexec: name another folder: las host add … --host-lash DIR")
        case 5:
            return HostFailure(
                .untrusted, "the runtime on the host is not the one that las put there", cause: errors,
                fix: "remove it from the folder runtimes of its LASH; find out who changed it")
        case 6:
            return HostFailure(.noRoom, "the host lacks what the runtime needs", cause: errors)
        case nil:
            return HostFailure(.cut, "the connection to the host was cut", cause: errors)
        case let status?:
            return HostFailure(
                .unfitHost, "the host can't start the runtime (exit code \(status))", cause: errors,
                fix: "may this account write to its LASH?")
        }
    }
}
