internal import Files

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

extension StationID {
    /// Whether it can be a folder of a run: names joined by `/`, not without bound.
    var isSafe: Bool { name.utf8.count <= 1000 && RelativePath(name) != nil }

    /// Whether one of the shorter paths that it begins with is such a one.
    func isBelow(where isOne: (StationID) -> Bool) -> Bool {
        let names = name.pathNames
        return names.indices.dropFirst().contains { isOne(StationID(names[..<$0].joined(separator: "/"))) }
    }
}
