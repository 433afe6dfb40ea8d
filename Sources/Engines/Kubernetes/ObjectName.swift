internal import Digests
internal import Failures

/// Names that Kubernetes takes for an object or as the value of a label: small letters, digits and “-” (RFC 1123).
enum ObjectName {
    /// Of a Job's name: its pods are called after it, with “-” and a number of up to six digits, and that has 63 letters at most.
    static let longest = 52

    /// What a person called something, as near to it as Kubernetes lets it be. What had to be changed gets the beginning of
    /// a digest of the whole name behind it, so that what had different names has different ones still.
    static func of(_ text: String, atMost limit: Int = longest) -> String {
        var plain: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): plain.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): plain.append(byte | 0x20)
            default: if plain.last != UInt8(ascii: "-") { plain.append(UInt8(ascii: "-")) }
            }
        }
        let name = trimmed(plain[...])
        if name.utf8.elementsEqual(text.utf8), name.utf8.count <= limit { return name }
        let sign = Digest(of: text).hex.prefix(6)
        let start = trimmed(plain.drop { $0 == UInt8(ascii: "-") }.prefix(limit - 7))
        return start.isEmpty ? "x-\(sign)" : "\(start)-\(sign)"
    }

    /// - Throws: for a name that a person gives as it is to be.
    static func check(_ name: String, as what: String, atMost limit: Int = longest) throws(EngineFailure) {
        let fits = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
            default: false
            }
        }
        guard fits, (1...limit).contains(name.utf8.count), !name.hasPrefix("-"), !name.hasSuffix("-") else {
            throw EngineFailure(
                "“\(Shown.text(name))” can't be \(what) in Kubernetes",
                fix: "take 1 to \(limit) small letters, digits and “-”, which is neither the first nor the last")
        }
    }

    private static func trimmed(_ name: ArraySlice<UInt8>) -> String {
        var name = name.drop { $0 == UInt8(ascii: "-") }
        while name.last == UInt8(ascii: "-") { name.removeLast() }
        return String(decoding: name, as: UTF8.self)
    }
}
