/// What `until` asks for after a turn: a closed list.
package enum Requirement: Hashable, Sendable {
    /// Of the first output.
    case outputContains(String)
    case outputLacks(String)
    /// A path in the task's folder, `{name}` in it.
    case fileExists(String)
    /// The first output is as in the turn before.
    case unchanged
    /// The number in a file of the task's folder.
    case value(in: String, Bound)
    /// A command that ends with 0.
    case passes(String)

    package enum Bound: Hashable, Sendable {
        case below(Double)
        case above(Double)
        case equals(Double)

        package func holds(_ value: Double) -> Bool {
            switch self {
            case .below(let bound): value < bound
            case .above(let bound): value > bound
            case .equals(let bound): value == bound
            }
        }

        /// `below 0.1`, `3`.
        package var words: String {
            switch self {
            case .below(let bound): "below \(Self.text(bound))"
            case .above(let bound): "above \(Self.text(bound))"
            case .equals(let bound): Self.text(bound)
            }
        }

        /// `3` rather than `3.0`.
        private static func text(_ number: Double) -> String {
            number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
        }
    }
}

/// A group with the metro's own words: `{"valueIn": "loss.txt", "below": 0.1}`.
extension Requirement: Codable {
    private enum CodingKeys: String, CodingKey {
        case outputContains, outputLacks, fileExists, unchanged, valueIn, below, above, equals, passes
    }

    package init(from decoder: any Decoder) throws {
        let group = try decoder.container(keyedBy: CodingKeys.self)
        func text(_ key: CodingKeys) throws -> String? { try group.decodeIfPresent(String.self, forKey: key) }
        func number(_ key: CodingKeys) throws -> Double? { try group.decodeIfPresent(Double.self, forKey: key) }
        if let found = try text(.outputContains) {
            self = .outputContains(found)
        } else if let found = try text(.outputLacks) {
            self = .outputLacks(found)
        } else if let found = try text(.fileExists) {
            self = .fileExists(found)
        } else if let found = try text(.passes) {
            self = .passes(found)
        } else if let file = try text(.valueIn) {
            if let bound = try number(.below) {
                self = .value(in: file, .below(bound))
            } else if let bound = try number(.above) {
                self = .value(in: file, .above(bound))
            } else {
                self = .value(in: file, .equals(try group.decode(Double.self, forKey: .equals)))
            }
        } else if try group.decodeIfPresent(Bool.self, forKey: .unchanged) == true {
            self = .unchanged
        } else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a requirement of “until” is expected"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var group = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .outputContains(let text): try group.encode(text, forKey: .outputContains)
        case .outputLacks(let text): try group.encode(text, forKey: .outputLacks)
        case .fileExists(let file): try group.encode(file, forKey: .fileExists)
        case .unchanged: try group.encode(true, forKey: .unchanged)
        case .passes(let command): try group.encode(command, forKey: .passes)
        case .value(let file, let bound):
            try group.encode(file, forKey: .valueIn)
            switch bound {
            case .below(let number): try group.encode(number, forKey: .below)
            case .above(let number): try group.encode(number, forKey: .above)
            case .equals(let number): try group.encode(number, forKey: .equals)
            }
        }
    }
}
