/// A station's name, unique in its metro; nested ones are joined by `/`.
package struct StationID: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let name: String
    package init(_ name: String) { self.name = name }
    package var description: String { name }
    package static func < (left: StationID, right: StationID) -> Bool { left.name < right.name }
    package init(from decoder: any Decoder) throws { name = try decoder.singleValueContainer().decode(String.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

/// One run of a station's command: `index`, or `align/s1` for one item.
package struct TaskID: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let name: String
    package init(_ name: String) { self.name = name }
    package var description: String { name }
    package static func < (left: TaskID, right: TaskID) -> Bool { left.name < right.name }
    package init(from decoder: any Decoder) throws { name = try decoder.singleValueContainer().decode(String.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

/// A set of needs and so a root file system: `main` for the metro's own.
package struct EnvironmentID: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let name: String
    package init(_ name: String) { self.name = name }
    package var description: String { name }
    package static let main = EnvironmentID("main")
    package static func < (left: EnvironmentID, right: EnvironmentID) -> Bool { left.name < right.name }
    package init(from decoder: any Decoder) throws { name = try decoder.singleValueContainer().decode(String.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}
