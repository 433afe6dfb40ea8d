internal import Digests

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
