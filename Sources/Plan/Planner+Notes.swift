internal import Failures
internal import Metro

/// What a person should know of a metro that has no mistakes.
extension Planner {
    /// Of one kind, at most.
    private static let mostNotes = 20

    static func notes(
        _ uses: [MetroUse], _ inputs: [PlannedInput], _ stations: [PlannedStation], _ results: [PlannedResult]
    ) -> [String] {
        var notes = inputs.filter { !$0.leftOut.isEmpty }.map {
            Plan.note(of: $0.leftOut, $0.name, kept: $0.files?.count ?? 0)
        }
        let taken = Set(
            stations.flatMap { $0.takes + $0.forEach }.compactMap(\.input) + inputs.compactMap(\.base?.input))
        notes += few(inputs.filter { !taken.contains($0.name) }.map { "no station takes the input “\($0.name)”" })
        let used = Set(stations.flatMap(\.workspaces).map(\.name))
        let workspaces = uses.flatMap { use in use.metro.workspaces.map { use.name($0.name.value) } }
        notes += few(workspaces.filter { !used.contains($0) }.map { "no station uses the workspace “\($0)”" })
        notes += few(
            uses.flatMap { use in
                use.metro.workspaces.filter { $0.limit != nil && !use.isPartial($0) }.map {
                    "“limit” of the workspace “\(use.name($0.name.value))” does nothing, since \($0.isAhead ? "“ahead: yes” has each host hold" : "no station says which files of it it needs, so that each host has") all of them"
                }
            })
        notes += few(idle(stations, results).map { "what the station “\($0)” makes leads to no result" })
        notes += few(uses.flatMap(unseen))
        notes += few(uses.flatMap(cutOff))
        return notes
    }

    private static func few(_ notes: [String]) -> [String] {
        if notes.count <= mostNotes { return notes }
        return notes.prefix(mostNotes) + ["\(notes.count - mostNotes) more of this kind"]
    }

    /// Stations that work for nothing.
    private static func idle(_ stations: [PlannedStation], _ results: [PlannedResult]) -> [StationID] {
        let sources = Dictionary(
            stations.map { ($0.id, ($0.takes + $0.forEach).compactMap(\.station)) },
            uniquingKeysWith: { first, _ in first }
        )
        var useful = Set<StationID>()
        var waiting = results.map(\.station)
        while let id = waiting.popLast() {
            if useful.insert(id).inserted { waiting += sources[id] ?? [] }
        }
        return stations.map(\.id).filter { !useful.contains($0) }
    }

    /// Commands that a ` #` ends, where what follows does not look like a comment.
    private static func cutOff(_ use: MetroUse) -> [String] {
        use.metro.stations.compactMap { station in
            guard let rest = station.command.cutOff else { return nil }
            return
                "the command of “\(use.name(station.name.value))” ends before “\(Shown.text(rest, atMost: 40))”: what follows “ #” is a comment; if it belongs to the command, put it into quotes of the shell, and the command below “command: |”"
        }
    }

    /// Conditions for contents, where what is given is known only when it is made.
    private static func unseen(_ use: MetroUse) -> [String] {
        use.metro.inputs.compactMap { input in
            guard case .made? = use.given[input.name.value], input.valid.isAboutContents else { return nil }
            return
                "what is given to “\(use.name(input.name.value))” is made by stations: of “valid” only names are looked at"
        }
    }
}

extension Validity {
    /// Whether something must be known of a file besides its name.
    fileprivate var isAboutContents: Bool {
        largerThan != nil || smallerThan != nil || contains != nil || passes != nil
    }
}
