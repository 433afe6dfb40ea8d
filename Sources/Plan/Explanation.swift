internal import Failures
internal import Files
internal import Metro

/// What a station does and why, in plain sentences: `las explain`. Fit for a terminal.
package struct Explanation {
    let plan: Plan
    let station: PlannedStation
    let rehearsal: Rehearsal

    /// - Returns: nil where there is no such station.
    package init?(of id: StationID, in plan: Plan) {
        guard let station = plan.stations.first(where: { $0.id == id }) else { return nil }
        (self.plan, self.station) = (plan, station)
        rehearsal = Rehearsal(plan, upTo: id)
    }

    /// Paragraphs, each a sentence or some, and the command of the first task, indented.
    package var text: String {
        let parts = [
            [place, often], taking, [making], command, condition, [uses] + more + [environment], [takers, results],
        ]
        return parts.map { $0.compactMap { $0 } }.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
            .joined(separator: "\n\n")
    }

    // MARK: Words

    /// `a, b and c`; of more than some the first ones.
    static func list(_ names: [String], of most: Int = 6) -> String {
        if names.count > most {
            return names.prefix(most).joined(separator: ", ") + " and \(names.count - most) more"
        }
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " and " + last
    }

    static func name(_ name: String) -> String { "“\(Shown.text(name, atMost: 200))”" }
    static func path(_ path: String) -> String { Shown.text(path, atMost: 300) }

    /// `2 files (a.txt, b.txt)`, `one file, a.txt`.
    static func files(_ names: [String]) -> String {
        let shown = names.map(path)
        if names.count == 1 { return "one file, \(shown[0])" }
        if names.isEmpty { return "no file" }
        let first = shown.prefix(6).joined(separator: ", ") + (shown.count > 6 ? ", …" : "")
        return "\(names.count) files (\(first))"
    }
}
