internal import Digests
internal import Failures

/// Text as Slurm and the shell take it: whatever a metro says, it stays one word, or a comment, of the line that it stands on.
enum SlurmText {
    /// A word of a shell, in quotes that nothing but their own kind ends.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    /// For a comment: one line of what can be printed.
    static func comment(_ text: String) -> String {
        let line = Shown.whole(text)
        return String(String.UnicodeScalarView(line.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
    }

    static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// A name that Slurm shows and las uses for files: what stands elsewhere in it becomes `-`.
    static func name(_ text: String, atMost limit: Int = 40) -> String {
        let bytes = text.utf8.prefix(limit).map { isPlain($0) ? $0 : UInt8(ascii: "-") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A here-document of the shell, which only its own last line ends.
    static func document(_ text: String, to path: String) -> String {
        let end = "LAS_" + Digest(of: text).hex.prefix(16)
        return "cat > \(path) << '\(end)'\n\(text)\(text.hasSuffix("\n") ? "" : "\n")\(end)\n"
    }
}
