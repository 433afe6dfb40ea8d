/// A SHA-256 digest: the name of everything that las keeps.
package struct Digest: Hashable, Comparable, Sendable, CustomStringConvertible {
    private let a: UInt64, b: UInt64, c: UInt64, d: UInt64

    package static let byteCount = 32

    /// - Returns: nil unless there are exactly 32 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        // No array: lists of extents have hundreds of thousands of these.
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let whole: Void? = bytes.withContiguousStorageIfAvailable { bytes in
            let bytes = UnsafeRawBufferPointer(bytes)
            words.0 = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
            words.1 = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            words.2 = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            words.3 = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        }
        if whole == nil {
            for byte in bytes {
                words.0 = words.0 << 8 | words.1 >> 56
                words.1 = words.1 << 8 | words.2 >> 56
                words.2 = words.2 << 8 | words.3 >> 56
                words.3 = words.3 << 8 | UInt64(byte)
            }
        }
        (a, b, c, d) = words
    }

    /// - Parameter hex: 64 lower-case hexadecimal digits.
    package init?(hex: some StringProtocol) {
        let digits = Array(hex.utf8)
        guard digits.count == Self.byteCount * 2 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for position in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.value(of: digits[position]), let low = Self.value(of: digits[position + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        self.init(bytes: bytes)
    }

    /// - Parameter hex: the bytes of 64 lower-case hexadecimal digits.
    package init?(hex: UnsafeRawBufferPointer.SubSequence) {
        guard hex.count == Self.byteCount * 2 else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for digit in hex {
            guard let value = Self.value(of: digit) else { return nil }
            words.0 = words.0 << 4 | words.1 >> 60
            words.1 = words.1 << 4 | words.2 >> 60
            words.2 = words.2 << 4 | words.3 >> 60
            words.3 = words.3 << 4 | UInt64(value)
        }
        (a, b, c, d) = words
    }

    package var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { bytes, count in
            for word in [a, b, c, d] {
                for shift in stride(from: 56, through: 0, by: -8) {
                    bytes[count] = UInt8(truncatingIfNeeded: word >> UInt64(shift))
                    count += 1
                }
            }
        }
    }

    package var hex: String {
        String(unsafeUninitializedCapacity: Self.byteCount * 2) { digits in
            var place = 0
            for word in [a, b, c, d] {
                for shift in stride(from: 60, through: 0, by: -4) {
                    let digit = UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15
                    digits[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                    place += 1
                }
            }
            return place
        }
    }

    /// The first twelve digits: enough for a person.
    package var short: String { String(hex.prefix(12)) }

    package var description: String { hex }

    package static func < (left: Digest, right: Digest) -> Bool {
        (left.a, left.b, left.c, left.d) < (right.a, right.b, right.c, right.d)
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

/// As its hexadecimal digits, in JSON.
extension Digest: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let digest = Digest(hex: text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "64 hexadecimal digits are expected")
        }
        self = digest
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }
}
