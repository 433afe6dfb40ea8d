internal import Workspaces

/// A line of what MLSD or MLST says: facts, a space, and a name.
struct FTPEntry {
    let name: String
    let item: RemoteItem
    /// Tells one file of the server from all others; 0 where it does not say.
    let unique: UInt64

    /// - Returns: nil for what is neither a file nor a folder, for the folder itself and the one above it, and for what can't be
    ///   understood.
    init?(line: ArraySlice<UInt8>) {
        var line = line
        if line.last == 0x0D { line.removeLast() }
        guard let space = line.firstIndex(of: 0x20) else { return nil }
        let rest = line[(space + 1)...]
        guard !rest.isEmpty, !rest.contains(where: { $0 < 0x20 || $0 == 0x7F }),
            let name = String(validating: rest, as: UTF8.self)
        else { return nil }
        var facts: [String: ArraySlice<UInt8>] = [:]
        for fact in line[..<space].split(separator: UInt8(ascii: ";")) {
            guard let equals = fact.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            facts[String(decoding: fact[..<equals], as: UTF8.self).lowercased()] = fact[(equals + 1)...]
        }
        guard let type = facts["type"].map({ String(decoding: $0, as: UTF8.self).lowercased() }) else { return nil }
        var hash: UInt64 = 0
        if let unique = facts["unique"] {
            // FNV-1a: it is compared with what the same server said before.
            hash = 0xCBF2_9CE4_8422_2325
            for byte in unique { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        // A number that any JSON reader takes.
        hash &= UInt64(Int64.max)
        unique = hash
        self.name = name
        switch type {
        case "dir": item = RemoteItem(isFolder: true, stamp: .init(unique: 0, size: 0, modified: 0))
        case "file":
            guard let size = facts["size"].flatMap({ Int64(String(decoding: $0, as: UTF8.self)) }), size >= 0,
                let modified = facts["modify"].flatMap(Self.time)
            else { return nil }
            item = RemoteItem(isFolder: false, stamp: .init(unique: hash, size: size, modified: modified))
        default: return nil
        }
    }

    /// - Returns: nanoseconds since 1970 of `20261127134944.25`; nil for what is no time.
    static func time(_ text: ArraySlice<UInt8>) -> Int64? {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, whole.count == 14, whole.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        let digits = whole.map { Int64($0 - 0x30) }
        func number(_ range: Range<Int>) -> Int64 { digits[range].reduce(0) { $0 * 10 + $1 } }
        let (year, month, day) = (number(0..<4), number(4..<6), number(6..<8))
        guard (1...12).contains(month), (1...31).contains(day), year >= 1900, year < 2200 else { return nil }
        // Days since 1970, the year beginning in March.
        let (shifted, ofYear) = (month <= 2 ? year - 1 : year, (month + 9) % 12)
        let days =
            shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (ofYear * 306 + 5) / 10 + day - 1 - 719_468
        let seconds = days * 86_400 + number(8..<10) * 3600 + number(10..<12) * 60 + number(12..<14)
        var fraction: Int64 = 0
        if parts.count == 2 {
            guard parts[1].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            var unit: Int64 = 100_000_000
            for digit in parts[1].prefix(9) {
                fraction += Int64(digit - 0x30) * unit
                unit /= 10
            }
        }
        return seconds * 1_000_000_000 + fraction
    }
}
