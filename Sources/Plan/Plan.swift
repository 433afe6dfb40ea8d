package import Metro

/// What a metro does, as data: its environments, inputs with their files, stations in topological order, and results.
///
/// Pure and deterministic: the same metro and input files give the same plan. It travels in the metro image as `plan.json`,
/// and the runtime builds its `TaskGraph` from that alone.
package struct Plan: Hashable, Sendable, Codable {
    /// The version that this las writes, and the newest that it reads.
    package static let currentVersion = 2

    package let version: Int
    /// The metro's name.
    package let metro: String
    package let about: String?
    /// `main` first, then the stations' own, sorted by name.
    package let environments: [PlannedEnvironment]
    /// As the metro orders them.
    package internal(set) var inputs: [PlannedInput]
    /// The files of the metro's folder `files/`, sorted, relative to the metro's folder.
    package let scripts: [String]
    /// The metros that stand in this one, each file once, in the order in which they are met.
    package let metros: [PlannedMetro]
    /// The lines of all metros with what stands on them, in the order of the files; nil in plans of before.
    package let lines: [PlannedLine]?
    private let shared: [PlannedWorkspace]?
    /// A station stands after all that it takes something of.
    package let stations: [PlannedStation]
    package let results: [PlannedResult]
    /// What a person should know: inputs that were left out, and why.
    package internal(set) var notes: [String]

    package init(
        metro: String, about: String? = nil, environments: [PlannedEnvironment], inputs: [PlannedInput],
        scripts: [String] = [], metros: [PlannedMetro] = [], lines: [PlannedLine]? = nil,
        workspaces: [PlannedWorkspace] = [], stations: [PlannedStation], results: [PlannedResult], notes: [String] = []
    ) {
        (version, self.metro, self.about) = (Self.currentVersion, metro, about)
        (self.environments, self.inputs, self.scripts, self.metros) = (environments, inputs, scripts, metros)
        (self.lines, self.stations, self.results, self.notes) = (lines, stations, results, notes)
        // Left out of the JSON where there are none, as in plans of earlier versions.
        shared = workspaces.isEmpty ? nil : workspaces
    }

    /// Of all metros, as the files order them.
    package var workspaces: [PlannedWorkspace] { shared ?? [] }
}

package struct PlannedEnvironment: Hashable, Sendable, Codable {
    package let id: EnvironmentID
    package let needs: Needs

    package init(id: EnvironmentID, needs: Needs) { (self.id, self.needs) = (id, needs) }
}

/// A metro that stands in another one: what its folder brings besides its inputs.
package struct PlannedMetro: Hashable, Sendable, Codable {
    /// Where it stands first: `qc`, `qc/trim`.
    package let path: String
    /// What its own file calls it.
    package let name: String
    /// The files of its folder `files/`, sorted, relative to the metro's folder.
    package let scripts: [String]
    /// Its file on the packing machine: no plan that is written down has it.
    package private(set) var origin: String?

    package init(path: String, name: String, scripts: [String] = [], origin: String? = nil) {
        (self.path, self.name, self.scripts, self.origin) = (path, name, scripts, origin)
    }

    /// Where its own things lie in the metro image.
    package var place: String { "metros/\(path)" }

    private enum CodingKeys: String, CodingKey { case path, name, scripts }
}

/// A line and what stands on it and is enabled, by whole names: `calling`, `qc/cleaning`.
package struct PlannedLine: Hashable, Sendable, Codable {
    package let name: String
    /// Stations, and metros: those are in no list of stations.
    package let stops: [String]

    package init(name: String, stops: [String]) { (self.name, self.stops) = (name, stops) }
}

/// What `results` names: everything that the station made, or what all of the patterns select of it.
package struct PlannedResult: Hashable, Sendable, Codable {
    package let station: StationID
    package let patterns: [String]

    package init(station: StationID, patterns: [String] = []) { (self.station, self.patterns) = (station, patterns) }
}
