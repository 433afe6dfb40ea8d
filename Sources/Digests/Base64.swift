internal import CCrypto

/// Base64 (RFC 4648), by libcrypto.
package enum Base64 {
    package static func encode(_ bytes: some Collection<UInt8>, padded: Bool = true) -> String {
        let bytes = Array(bytes)
        // Four letters for three bytes begun, and the NUL that libcrypto ends it with.
        var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        let count = EVP_EncodeBlock(&text, bytes, Int32(bytes.count))
        let letters = text.prefix(Int(count))
        return String(decoding: padded ? letters : letters.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
    }

    /// - Returns: nil for what is not Base64, white space included; padding may be left out.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var letters = Array(text)
        // libcrypto passes over white space and dashes at either end, and takes padding as bytes of zero.
        for _ in 0..<2 where letters.last == UInt8(ascii: "=") { letters.removeLast() }
        guard letters.count % 4 != 1, letters.count < Int(Int32.max) - 4, letters.allSatisfy(isLetter) else {
            return nil
        }
        let count = letters.count * 3 / 4
        while letters.count % 4 != 0 { letters.append(UInt8(ascii: "=")) }
        var bytes = [UInt8](repeating: 0, count: letters.count / 4 * 3)
        guard EVP_DecodeBlock(&bytes, letters, Int32(letters.count)) >= 0 else { return nil }
        return Array(bytes.prefix(count))
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
