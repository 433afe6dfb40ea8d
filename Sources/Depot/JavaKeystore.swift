/// Java's store of certificates, of which each copy holds the times when its entries were made: a format without a
/// specification of its own, described by the OpenJDK class sun.security.provider.JavaKeyStore.
enum JavaKeystore {
    private static let magic: [UInt8] = [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]
    /// Of stores that hold nothing secret.
    private static let password = "changeit"

    /// The store with all times set.
    ///
    /// - Parameters:
    ///   - bytes: of a store of trusted certificates, version 2.
    ///   - seconds: since 1970.
    /// - Returns: nil where it is no such store, or has another password.
    static func withTimes(_ bytes: [UInt8], _ seconds: Int64) -> [UInt8]? {
        guard bytes.starts(with: magic), bytes.count >= magic.count + 4 + SHA1.byteCount else { return nil }
        var bytes = bytes
        let end = bytes.count - SHA1.byteCount
        guard Array(bytes[end...]) == seal(bytes[..<end]) else { return nil }
        var place = magic.count

        func number(_ count: Int) -> Int? {
            guard place + count <= end else { return nil }
            defer { place += count }
            return bytes[place..<(place + count)].reduce(0) { $0 << 8 | Int($1) }
        }
        guard let count = number(4) else { return nil }
        for _ in 0..<count {
            // A trusted certificate: its name, its time, its kind, itself.
            guard number(4) == 2, let name = number(2) else { return nil }
            place += name
            guard place + 8 <= end else { return nil }
            let time = UInt64(bitPattern: seconds * 1_000)
            for position in 0..<8 {
                bytes[place + position] = UInt8(truncatingIfNeeded: time >> (56 - 8 * UInt64(position)))
            }
            place += 8
            guard let kind = number(2) else { return nil }
            place += kind
            guard let size = number(4) else { return nil }
            place += size
        }
        guard place == end else { return nil }
        return Array(bytes[..<end]) + seal(bytes[..<end])
    }

    private static func seal(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        SHA1.digest(
            password.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] } + Array("Mighty Aphrodite".utf8) + bytes)
    }
}

/// SHA-1 (FIPS 180-4), for files that hold one; las itself trusts none.
enum SHA1 {
    static let byteCount = 20

    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var message = bytes + [0x80]
        message += Array(repeating: 0, count: (120 - message.count % 64) % 64)
        message += (0..<8).map { UInt8(truncatingIfNeeded: (UInt64(bytes.count) * 8) >> (56 - 8 * UInt64($0))) }
        var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
        var words = [UInt32](repeating: 0, count: 80)
        for block in stride(from: 0, to: message.count, by: 64) {
            for turn in 0..<16 {
                words[turn] = (0..<4).reduce(0) { $0 << 8 | UInt32(message[block + turn * 4 + $1]) }
            }
            for turn in 16..<80 {
                words[turn] = rotated(words[turn - 3] ^ words[turn - 8] ^ words[turn - 14] ^ words[turn - 16], 1)
            }
            var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
            for turn in 0..<80 {
                let (mixed, constant): (UInt32, UInt32) =
                    switch turn {
                    case 0..<20: (b & c | ~b & d, 0x5a82_7999)
                    case 20..<40: (b ^ c ^ d, 0x6ed9_eba1)
                    case 40..<60: (b & c | b & d | c & d, 0x8f1b_bcdc)
                    default: (b ^ c ^ d, 0xca62_c1d6)
                    }
                let next = rotated(a, 5) &+ mixed &+ e &+ constant &+ words[turn]
                (e, d, c, b, a) = (d, c, rotated(b, 30), a, next)
            }
            for (place, value) in [a, b, c, d, e].enumerated() { state[place] = state[place] &+ value }
        }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * UInt32($0))) } }
    }

    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}
