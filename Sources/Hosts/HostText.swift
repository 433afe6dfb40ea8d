/// Text that came from a host, made safe to show.
enum HostText {
    /// Control characters, and those that turn the direction of writing, become `�`; newlines and tabs stay when asked.
    static func printable(_ text: String, keepingLines: Bool = false) -> String {
        var cleaned = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isLine = keepingLines && (scalar == "\n" || scalar == "\t")
            let turns = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
            cleaned.append(!isLine && (isControl || turns) ? "\u{FFFD}" : scalar)
        }
        return String(cleaned)
    }

    /// The last lines of what a program wrote to its standard error, in one line.
    static func lastLines(_ bytes: some Sequence<UInt8>, _ count: Int = 3) -> String? {
        let lines = String(decoding: Array(bytes), as: UTF8.self).split(whereSeparator: \.isNewline).suffix(count)
        let text = lines.map { printable(String($0)) }.joined(separator: "; ")
        return text.isEmpty ? nil : String(text.suffix(600))
    }

    /// Quoted for a POSIX shell.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
