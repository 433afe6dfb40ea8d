package import Metro

/// What a metro does, as data: its environments, inputs with their files, stations in topological order, and results.
///
/// Pure and deterministic: the same metro and input files give the same plan. It travels in the metro image as `plan.json`,
/// and the runtime builds its `TaskGraph` from that alone.
package struct Plan: Hashable, Sendable, Codable {
    /// The version that this las writes, and the newest that it reads.
    package static let currentVersion = 1

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
    /// A station stands after all that it takes something of.
    package let stations: [PlannedStation]
    package let results: [PlannedResult]
    /// What a person should know: inputs that were left out, and why.
    package internal(set) var notes: [String]

    package init(
        metro: String, about: String? = nil, environments: [PlannedEnvironment], inputs: [PlannedInput],
        scripts: [String] = [], stations: [PlannedStation], results: [PlannedResult], notes: [String] = []
    ) {
        (version, self.metro, self.about) = (Self.currentVersion, metro, about)
        (self.environments, self.inputs, self.scripts) = (environments, inputs, scripts)
        (self.stations, self.results, self.notes) = (stations, results, notes)
    }
}

package struct PlannedEnvironment: Hashable, Sendable, Codable {
    package let id: EnvironmentID
    package let needs: Needs

    package init(id: EnvironmentID, needs: Needs) { (self.id, self.needs) = (id, needs) }
}

/// What `results` names: everything that the station made, or what the pattern selects of it.
package struct PlannedResult: Hashable, Sendable, Codable {
    package let station: StationID
    package let pattern: String?

    package init(station: StationID, pattern: String? = nil) { (self.station, self.pattern) = (station, pattern) }
}
