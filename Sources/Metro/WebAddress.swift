/// The address of a file on the web, as an input may name it: `https://example.org/reads/s1.fq.gz`.
package struct WebAddress: Hashable, Sendable {
    /// As the metro says it.
    package let text: String
    /// As it is asked for: what an address can't hold is percent-encoded, and there is no fragment.
    package let request: String
    /// What the file is called: the last name of the address's path, else its host.
    package let fileName: String

    /// Why a text that looks like an address is none that las fetches.
    package struct Mistake: Error, Hashable {
        package let message: String
        package let fix: String
    }

    /// Whether the text is meant as an address: `ftp://…` is too, although las fetches no such.
    package static func isMeant(by text: String) -> Bool { scheme(of: text) != nil }

    private static func scheme(of text: String) -> (name: String, rest: ArraySlice<UInt8>)? {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0, bytes[colon...].starts(with: "://".utf8),
            bytes[..<colon].allSatisfy({ isLetterOrDigit($0) || "+-.".utf8.contains($0) })
        else { return nil }
        return (String(decoding: bytes[..<colon], as: UTF8.self).lowercased(), bytes[(colon + 3)...])
    }

    package init(_ text: String) throws(Mistake) {
        guard let (scheme, rest) = Self.scheme(of: text) else {
            throw Mistake(message: "this is no address", fix: "an address begins with https:// or http://")
        }
        guard scheme == "https" || scheme == "http" else {
            throw Mistake(
                message: "las fetches https and http, and not “\(scheme)”",
                fix: "fetch the file into the metro's folder and name it there")
        }
        if text.utf8.count > 4000 {
            throw Mistake(message: "this address is too long", fix: "an address has at most 4000 bytes")
        }
        let hostEnd = rest.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
        let host = rest[..<hostEnd]
        if host.contains(UInt8(ascii: "@")) {
            throw Mistake(
                message:
                    "this address holds a user's name or password, which would stand in the metro, its lock and its bundle",
                fix:
                    "take what stands before the “@” out; fetch a file that asks for a password yourself, and name it there"
            )
        }
        guard !host.isEmpty, host.allSatisfy({ Self.isLetterOrDigit($0) || "-._:[]".utf8.contains($0) || $0 >= 0x80 })
        else {
            throw Mistake(message: "this address names no server", fix: "write it as https://example.org/data/s1.fq")
        }
        let tail = rest[hostEnd...].prefix { $0 != UInt8(ascii: "#") }
        let path = tail.prefix { $0 != UInt8(ascii: "?") }
        if path.contains(UInt8(ascii: "*")) {
            throw Mistake(
                message: "an address has no patterns: a server can't be asked for all files of a kind",
                fix: "list the addresses of the files one by one; for a “*” in a file's name write %2A")
        }
        if tail.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            throw Mistake(message: "this address has a control character", fix: "copy the address once more")
        }
        self.text = text
        request = scheme + "://" + String(decoding: host, as: UTF8.self) + Self.encoded(tail)
        let name = path.split(separator: UInt8(ascii: "/")).last.map(Self.fileName(from:)) ?? ""
        fileName = name.isEmpty ? Self.fileName(from: host) : name
    }

    /// A name that a folder can hold, with `_` for what it can't or what nobody could see.
    private static func fileName(from bytes: ArraySlice<UInt8>) -> String {
        var name = String.UnicodeScalarView()
        for scalar in String(decoding: decoded(bytes), as: UTF8.self).unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator: name.append("_")
            default: name.append(scalar == "/" || scalar == "\\" ? "_" : scalar)
            }
        }
        while name.reduce(0, { $0 + String($1).utf8.count }) > 200 { name.removeFirst() }
        // A name that begins with a dot would be hidden from every pattern.
        while name.first == "." { name.removeFirst() }
        return String(name)
    }

    private static func decoded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = hexadecimal(rest.prefix(2)) {
                decoded.append(value)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }

    /// What RFC 3986 allows stays, with `%` where it encodes something.
    private static func encoded(_ bytes: ArraySlice<UInt8>) -> String {
        var text = ""
        for (index, byte) in zip(bytes.indices, bytes) {
            let isEscape =
                byte == UInt8(ascii: "%") && hexadecimal(bytes[(index + 1)...].prefix(2)) != nil
            if isEscape || isLetterOrDigit(byte) || "-._~:/?@!$&'()*+,;=[]".utf8.contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return text
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt8? {
        guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }) else {
            return nil
        }
        return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
    }
}
