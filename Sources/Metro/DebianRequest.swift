/// A Debian package that someone asks for: `samtools`, exactly `samtools=1.16.1-1`, `samtools=1.16*`, `samtools>=1.16`, or that
/// of one suite, `samtools/bookworm-backports`.
package struct DebianRequest: Hashable, Sendable {
    package enum Versions: Hashable, Sendable {
        case any
        case exactly(String)
        /// Those that begin so.
        case beginning(String)
        /// By Debian's order of versions; the relation is one of `>=`, `<=`, `>`, `<`.
        case relation(String, String)
    }

    package let name: String
    package let versions: Versions
    package let suite: String?

    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= 500 else { return nil }
        let name = bytes.prefix { Self.isLetterOrDigit($0) || "+-.".utf8.contains($0) }
        guard name.count >= 2, name.count <= 128, let first = name.first, Self.isLetterOrDigit(first) else {
            return nil
        }
        self.name = String(decoding: name, as: UTF8.self)
        var rest = bytes[name.count...]
        var suite: String?
        if rest.first == UInt8(ascii: "/") {
            let word = rest.dropFirst().prefix {
                Self.isVersionPart($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "_")
            }
            guard !word.isEmpty else { return nil }
            suite = String(decoding: word, as: UTF8.self)
            rest = rest.dropFirst(word.count + 1)
        }
        self.suite = suite
        rest = rest.drop { $0 == 0x20 }
        if rest.isEmpty {
            versions = .any
            return
        }
        let relation = String(decoding: rest.prefix { "<>=".utf8.contains($0) }, as: UTF8.self)
        var version = rest.dropFirst(relation.utf8.count).drop { $0 == 0x20 }
        let isBeginning = version.last == UInt8(ascii: "*") && relation == "="
        if isBeginning { version = version.dropLast() }
        guard !version.isEmpty, version.count <= 128, version.allSatisfy({ Self.isVersionPart($0) }) else { return nil }
        let number = String(decoding: version, as: UTF8.self)
        switch relation {
        case "=": versions = isBeginning ? .beginning(number) : .exactly(number)
        case ">=", "<=", ">", "<": versions = .relation(relation, number)
        default: return nil
        }
    }

    /// Lower-case, as names of packages are.
    private static func isLetterOrDigit(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (48...57).contains(byte) }

    private static func isVersionPart(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || (65...90).contains(byte) || "+-.~:".utf8.contains(byte)
    }
}
