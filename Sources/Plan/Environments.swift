internal import Files
internal import Metro

/// Which environment each station runs in: one for each set of needs.
struct Environments {
    private(set) var list: [PlannedEnvironment] = []
    private var byNeeds: [Needs: EnvironmentID] = [:]

    init(_ uses: [MetroUse]) {
        let own = uses[0].metro.needs
        byNeeds[own] = .main
        var isMainUsed = !uses.contains { !$0.metro.stations.isEmpty }
        for use in uses {
            for station in use.metro.stations {
                let needs = station.needs ?? use.metro.needs
                if needs == own { isMainUsed = true }
                if byNeeds[needs] != nil { continue }
                let isMetros = needs == use.metro.needs
                let id = Self.id(isMetros ? use.path : use.name(station.name.value), isOfMetro: isMetros)
                byNeeds[needs] = id
                list.append(PlannedEnvironment(id: id, needs: needs))
            }
        }
        list.sort { $0.id < $1.id }
        if isMainUsed { list.insert(PlannedEnvironment(id: .main, needs: own), at: 0) }
    }

    /// Fit for the name of a file: `qc.trim`.
    private static func id(_ path: String, isOfMetro: Bool) -> EnvironmentID {
        let name = ItemName.safe(path.pathNames.joined(separator: "."))
        if name == EnvironmentID.main.name { return EnvironmentID(isOfMetro ? "\(name).metro" : "\(name).station") }
        return EnvironmentID(name)
    }

    func of(_ station: Station, in use: MetroUse) -> EnvironmentID {
        byNeeds[station.needs ?? use.metro.needs] ?? .main
    }
}
