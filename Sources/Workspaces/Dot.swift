internal import Files

/// The moment at which one machine wrote one version of one file: no other version of the workspace has it.
package struct Dot: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The machine's name in the workspace.
    package let host: String
    /// 1, 2, 3… of all that the machine wrote there.
    package let number: UInt64

    package init(_ host: String, _ number: UInt64) { (self.host, self.number) = (host, number) }

    package var description: String { "\(host)-\(number)" }

    /// Whether it may be a part of a file's name.
    package static func isHost(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "._-@".utf8.contains(byte)
                }
            }
            && name.utf8.first != UInt8(ascii: ".")
    }

    package static func < (left: Dot, right: Dot) -> Bool {
        left.host == right.host
            ? left.number < right.number : left.host.utf8.lexicographicallyPrecedes(right.host.utf8)
    }
}

extension Dot: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let line = text.utf8.lastIndex(of: UInt8(ascii: "-")),
            let number = UInt64(text[text.index(after: line)...]), number > 0, Dot.isHost(String(text[..<line]))
        else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a machine and a number are expected"))
        }
        self.init(String(text[..<line]), number)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// What is known to have been written of one file: of each machine all versions up to a number.
package struct VersionVector: Hashable, Sendable, Codable {
    package private(set) var numbers: [String: UInt64] = [:]

    package init() {}

    package func covers(_ dot: Dot) -> Bool { numbers[dot.host, default: 0] >= dot.number }

    package mutating func add(_ dot: Dot) { numbers[dot.host] = max(numbers[dot.host, default: 0], dot.number) }

    package mutating func join(_ other: VersionVector) { numbers.merge(other.numbers) { max($0, $1) } }

    package init(from decoder: any Decoder) throws {
        numbers = try decoder.singleValueContainer().decode([String: UInt64].self)
        if !numbers.keys.allSatisfy(Dot.isHost) {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a machine's name is expected"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(numbers)
    }
}
