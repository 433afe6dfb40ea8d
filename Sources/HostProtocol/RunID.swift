internal import Glibc

/// A run's name: `20261125-101530-lambda-variants-7f3a`.
package struct RunID: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let name: String

    /// - Returns: nil unless it is 1…128 letters, digits, `-`, `_` and `.`, and does not begin with `.` or `-`.
    package init?(_ name: String) {
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard allowed, (1...128).contains(name.utf8.count), !name.hasPrefix("."), !name.hasPrefix("-") else {
            return nil
        }
        self.name = name
    }

    /// A new one, for a run of this metro that begins now: sorts by time (UTC), unique on its host.
    package init(for metro: String) {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = "\(1900 + parts.tm_year)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))"
        let clock = "\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))"
        let plain = metro.unicodeScalars.prefix(60).map { scalar -> Character in
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            return isPlain ? Character(scalar) : "-"
        }
        name = "\(day)-\(clock)-\(String(plain))-\(String(UInt32.random(in: 0x10000...0xFFFFF), radix: 16))"
    }

    /// What a host has of a run whose tasks are leased to it. Of its own name, since the host may share LASH with the machine
    /// that leases, or with other hosts.
    package func leased(to host: String) -> RunID {
        RunID(
            String(decoding: name.utf8.prefix(84), as: UTF8.self) + Self.leaseMark
                + String(decoding: host.utf8.prefix(40), as: UTF8.self)) ?? self
    }

    /// Whether it is a host's share of a run.
    package var isLeased: Bool { name.split(separator: ".").dropFirst().first == "at" }

    private static let leaseMark = ".at."

    package var description: String { name }
    package static func < (left: RunID, right: RunID) -> Bool { left.name < right.name }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let run = RunID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "a run's name is expected")
        }
        self = run
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}
