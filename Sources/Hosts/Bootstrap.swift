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
    var transport: any Transport
    let waiter: Waiter
    var limit: RateLimit?
    /// Whether the runtime tries what the host can do.
    var examines = false
    private let word = "las-" + String(UInt64.random(in: 0 ... .max), radix: 36)

    /// - Parameter progress: told how many bytes of the runtime were sent, when it has to be.
    /// - Returns: the channel to the runtime, and what it said already.
    func start(progress: (Int64) -> Void) throws(HostFailure) -> (channel: any Channel, begun: [UInt8]) {
        let first = try begin(
            """
            f=$l/runtimes/\(runtime.digest.hex)
            echo "\(word) facts $(uname -sm 2>/dev/null || echo unknown)"
            if [ -f "$f" ]; then echo "\(word) ready"; exec \(serve); fi
            mkdir -p "$l/runtimes" || exit 1
            t=$l/runtimes/\(beside)
            if command -v head >/dev/null 2>&1 && head -c 1 </dev/null >/dev/null 2>&1; then
            echo "\(word) send"
            head -c \(runtime.size) > "$t" || { rm -f "$t" 2>/dev/null || : > "$t"; return 1; }
            \(adopting)
            fi
            echo "\(word) missing"
            """)
        try check(facts: try first.answer("facts"))
        switch try first.answer("ready", or: "missing", "send") {
        case "ready": return (first.channel, first.rest)
        case "send":
            // The same shell takes it: an account's start-up files may take longer than all else.
            try send(to: first, progress: progress)
            _ = try first.answer("ready")
            return (first.channel, first.rest)
        default:
            try first.end()
            return try upload(progress: progress)
        }
    }

    private var beside: String { ".\(runtime.digest.hex).\(word).new" }

    /// The last lines of a script: what was sent becomes the runtime, and is started.
    private var adopting: String {
        """
        chmod 700 "$t" && "$t" adopt \(runtime.digest.hex) \(runtime.size) "$f"
        s=$?
        if [ $s != 0 ]; then rm -f "$t" 2>/dev/null || : > "$t"; return $s; fi
        echo "\(word) ready"
        exec \(serve)
        """
    }

    private func send(to conversation: Conversation, progress: (Int64) -> Void) throws(HostFailure) {
        do throws(HostFailure) {
            try HostRuntime.pieces(of: runtime.path) { (piece) throws(HostFailure) in
                try waiter.wait(for: limit, piece.count)
                try conversation.channel.write(piece)
                progress(Int64(piece.count))
            }
        } catch {
            // What ended there says why better than a connection that takes no more.
            if error.kind == .cut { try conversation.end() }
            throw error
        }
    }

    /// To a host that can't tell where the runtime ends, but by the end of what is sent: each step is a program of its own.
    private func upload(progress: (Int64) -> Void) throws(HostFailure) -> (channel: any Channel, begun: [UInt8]) {
        let second = try begin(
            """
            t=$l/runtimes/\(beside)
            echo "\(word) send"
            cat > "$t" && return 0
            rm -f "$t" 2>/dev/null || : > "$t"
            return 1
            """)
        _ = try second.answer("send")
        try send(to: second, progress: progress)
        try second.channel.finishWriting()
        try second.end()
        let third = try begin(
            """
            t=$l/runtimes/\(beside)
            f=$l/runtimes/\(runtime.digest.hex)
            \(adopting)
            """)
        _ = try third.answer("ready")
        return (third.channel, third.rest)
    }

    private var serve: String {
        "\"$f\" serve --lash \"$l\" --expect \(runtime.digest.hex)" + (examines ? " --examine" : "")
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

    /// The same over a connection of its own, which may not come about: it is waited for.
    func carrier(_ name: String) throws(HostFailure) -> any Channel {
        let conversation = try begin(
            """
            f=$l/runtimes/\(runtime.digest.hex)
            echo "\(word) line"
            exec "$f" line --lash "$l" --expect \(runtime.digest.hex) \(name) 0
            """)
        _ = try conversation.answer("line")
        return conversation.channel
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
    /// - Returns: what follows the key; the key itself where there are several.
    func answer(_ key: String, or others: String...) throws(HostFailure) -> String {
        try waiter.within(60, "the host lets its shell start, but says nothing") { () throws(HostFailure) -> String in
            var passed = 0
            while true {
                while let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = String(decoding: buffer[..<end], as: UTF8.self)
                    buffer.removeFirst(end + 1)
                    passed += end + 1
                    if line == "\(word) \(key)" || line.hasPrefix("\(word) \(key) ") {
                        return others.isEmpty ? String(line.dropFirst(word.count + key.count + 2)) : key
                    }
                    if let other = others.first(where: { line == "\(word) \($0)" }) { return other }
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
