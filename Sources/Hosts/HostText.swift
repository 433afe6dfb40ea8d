internal import Failures

/// Text from hosts, and for their shells.
enum HostText {
    /// The last lines of what a program wrote to its standard error, in one line.
    static func lastLines(_ bytes: some Sequence<UInt8>, _ count: Int = 3) -> String? {
        let lines = String(decoding: Array(bytes), as: UTF8.self).split(whereSeparator: \.isNewline).suffix(count)
        let text = lines.map { Shown.whole(String($0)) }.joined(separator: "; ")
        return text.isEmpty ? nil : String(text.suffix(600))
    }

    /// Quoted for a POSIX shell.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
