/// A package of Python's index as pip takes it (PEP 508): `pandas==2.*`, `requests[socks]>=2 ; python_version < "3.13"`, in a
/// requirements file also with digests behind it, `six==1.17.0 --hash=sha256:…`.
package struct PipRequirement: Hashable, Sendable {
    package let text: String
    /// As it is written: capitals, `-`, `_` and `.` make no difference.
    package let name: String

    package init?(_ text: String) {
        var rest = Self.trimmed(Array(text.utf8)[...])
        guard rest.count <= 2000, rest.allSatisfy({ 0x20..<0x7F ~= $0 }) else { return nil }
        self.text = String(decoding: rest, as: UTF8.self)
        let name = rest.prefix { Self.isWord($0) || "-_.".utf8.contains($0) }
        guard let first = name.first, let last = name.last, Self.isWord(first), Self.isWord(last), name.count <= 200
        else { return nil }
        self.name = String(decoding: name, as: UTF8.self)
        rest = Self.trimmed(rest.dropFirst(name.count))
        if rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")),
                rest[..<end].dropFirst().allSatisfy({ Self.isWord($0) || "-_., ".utf8.contains($0) })
            else { return nil }
            rest = Self.trimmed(rest[(end + 1)...])
        }
        // Digests stand last.
        while let start = Self.lastOption(in: rest) {
            let option = Self.trimmed(rest[start...])
            guard option.starts(with: "--hash=sha256:".utf8), option.count == 14 + 64,
                option.dropFirst(14).allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
            else { return nil }
            rest = Self.trimmed(rest[..<start])
        }
        if let semicolon = rest.firstIndex(of: UInt8(ascii: ";")) {
            let marker = Self.trimmed(rest[(semicolon + 1)...])
            let isMarker = { (byte: UInt8) in Self.isWord(byte) || "-_. \"'<>=!~()+*".utf8.contains(byte) }
            guard !marker.isEmpty, marker.allSatisfy(isMarker) else { return nil }
            rest = Self.trimmed(rest[..<semicolon])
        }
        if rest.first == UInt8(ascii: "("), rest.last == UInt8(ascii: ")") { rest = rest.dropFirst().dropLast() }
        if rest.isEmpty { return }
        for part in rest.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let part = Self.trimmed(part)
            let relation = part.prefix { "<>=!~".utf8.contains($0) }
            let version = Self.trimmed(part.dropFirst(relation.count))
            guard ["==", "===", "!=", "~=", ">=", "<=", ">", "<"].contains(String(decoding: relation, as: UTF8.self)),
                !version.isEmpty, version.allSatisfy({ Self.isWord($0) || "-_.*+!".utf8.contains($0) })
            else { return nil }
        }
    }

    /// A name in the one spelling of all that mean the same package (PEP 503).
    package static func plain(_ name: String) -> String {
        name.lowercased().split { "-_.".contains($0) }.joined(separator: "-")
    }

    /// Where ` --` begins for the last time.
    private static func lastOption(in text: ArraySlice<UInt8>) -> Int? {
        text.indices.dropLast(2).last { text[$0...].starts(with: " --".utf8) }
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text
        while let first = text.first, first == 0x20 || first == 0x09 { text = text.dropFirst() }
        while let last = text.last, last == 0x20 || last == 0x09 { text = text.dropLast() }
        return text
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
    }
}
