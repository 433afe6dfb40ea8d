internal import Failures

/// From YAML's nodes to a draft: keys and the kinds of their values.
struct MetroReading {
    var diagnostics: Diagnostics
    /// The folder that holds what the metro names.
    let folder: String
    /// The metro's own, for stations that say nothing.
    private var label: String?
    var seed: Seed?

    init(diagnostics: Diagnostics, folder: String) { (self.diagnostics, self.folder) = (diagnostics, folder) }

    private static let mostInputs = 5000

    mutating func metro(_ root: YAMLNode) -> MetroDraft {
        var draft = MetroDraft()
        if root.isNothing {
            diagnostics.add(
                "the file is empty", at: root.position,
                fix: "begin with “metro: NAME”, then “lines:”; las new writes an example")
            return draft
        }
        if isNoMetro(root) { return draft }
        guard let members = members(of: withLinesInPlace(root), Keys.metro) else { return draft }
        if let name = members["metro"] {
            if let text = text(name, of: "metro") { draft.name = Located(text.value, at: text.position) }
            checkName(draft.name, of: "a metro", mayHoldDots: true)
        } else {
            diagnostics.add("the metro has no name", at: root.position, fix: "begin the file with “metro: NAME”")
        }
        draft.about = members["about"].flatMap { text($0, of: "about")?.value }
        if let comments = members["comments"] { _ = text(comments, of: "comments") }
        if let node = members["needs"] { draft.needs = needs(node) }
        draft.time = members["time"].flatMap { seconds($0, of: "time") }
        draft.retry = members["retry"].flatMap { retries($0) }
        draft.usesNetwork = members["network"].flatMap { flag($0, of: "network") }
        label = members["at"].flatMap { text($0, of: "at")?.value }
        seed = members["seed"].flatMap { seed($0) }
        if let node = members["env"] { draft.variables = variables(node) }
        if let node = members["inputs"] {
            let inputs = named(node, of: "inputs", "NAME: PATH")
            if inputs.count > Self.mostInputs {
                diagnostics.add(
                    "the metro has \(inputs.count) inputs, and at most \(Self.mostInputs) can be in one",
                    at: inputs[Self.mostInputs].0.position,
                    fix: "one input takes many files by a pattern, “reads/*.fq”, and “for_each” goes through them")
            }
            for (name, value) in inputs.prefix(Self.mostInputs) { draft.inputs.append(input(name, value)) }
        }
        if let node = members["workspaces"] { draft.workspaces = workspaces(node) }
        if let node = members["lines"] {
            if node.isNothing {
                diagnostics.add(
                    "“lines” has no lines", at: node.position,
                    fix: "write “main:” below it, indented, and below that “- station: NAME” for each station")
                return draft
            }
            for (name, value) in named(withName(node), of: "lines", "NAME:") {
                draft.lines.append(line(name, value))
            }
            if draft.lines.allSatisfy(\.stops.isEmpty), diagnostics.isEmpty {
                diagnostics.add(
                    "the metro has no station", at: node.position, fix: "put “- station: NAME” below a line's name")
            }
        } else {
            diagnostics.add(
                "the metro has no lines, so there is nothing to do", at: root.position,
                fix: "write “lines:”, a line's name below it, and “- station: NAME” below that")
        }
        if let node = members["results"] { draft.results = texts(node, of: "results") }
        return draft
    }

    // MARK: Parts of a metro

    mutating func station(_ node: YAMLNode, line: String) -> MetroDraft.Station? {
        guard let members = members(of: withStationKey(node), Keys.station) else { return nil }
        guard let nameNode = members["station"] else {
            diagnostics.add("this station has no name", at: node.position, fix: "begin it with “- station: NAME”")
            return nil
        }
        let text = text(nameNode, of: "station")
        let name = Located(text?.value ?? "", at: nameNode.position)
        if text != nil { checkName(name, of: "a station") }
        var station = MetroDraft.Station(name: name, line: line)
        let before = diagnostics.total
        if let node = members["in"] {
            if case .map = node.content, !isBareBrace(node) {
                diagnostics.add(
                    "this version of las does not know groups of keys below “in” yet", at: node.position,
                    fix: "write a name, or a list of names: “in: [a, b]”")
                station.takes = []
            } else {
                station.takes = texts(node, of: "in")
            }
        }
        if let node = members["for_each"] { station.forEach = texts(node, of: "for_each") }
        station.isUncertain =
            diagnostics.total > before || [members["in"], members["for_each"]].contains { $0?.isRefused ?? false }
            || members["<<"] != nil
        // What is missing may stand in what is repeated.
        let isWhole = members["<<"] == nil
        if let node = members["command"] {
            station.command = command(node, of: "command")
        } else if isWhole {
            diagnostics.add(
                "the station “\(Shown.text(name.value))” has no command", at: node.position, fix: "add “command: …”")
        }
        let beforeOutputs = diagnostics.total
        if let node = members["out"] {
            station.outputs = texts(node, of: "out")
            station.hasUnknownOutputs = node.isRefused || diagnostics.total > beforeOutputs
        } else if isWhole {
            diagnostics.add(
                "the station “\(Shown.text(name.value))” does not say what it makes", at: node.position,
                fix: "add “out: FILE”; what the command prints is saved there unless it writes {out} itself")
        }
        if let node = members["makes"] { station.kinds = texts(node, of: "makes") }
        if let node = members["uses"] { station.uses = uses(node) }
        if let node = members["time"] {
            if station.uses.time != nil {
                diagnostics.add("“time” stands here and in “uses”", at: node.position, fix: "take one of them out")
            }
            station.uses.time = seconds(node, of: "time")
        }
        if let node = members["env"] { station.variables = variables(node) }
        if let node = members["needs"] { station.needs = needs(node) }
        if let node = members["enabled"] { station.isEnabled = flag(node, of: "enabled") ?? true }
        station.turns = turns(members)
        station.retry = members["retry"].flatMap { retries($0) }
        station.usesNetwork = members["network"].flatMap { flag($0, of: "network") }
        station.label = members["at"].map { self.text($0, of: "at")?.value } ?? label
        station.isWritable = members["writable"].flatMap { flag($0, of: "writable") } ?? false
        station.keepsMade = members["keep"].flatMap { flag($0, of: "keep") } ?? false
        station.seed = members["seed"].map { seed($0) } ?? seed(for: station)
        if let node = members["secrets"] { station.secrets = secrets(node, beside: station.variables) }
        if let node = members["workspaces"] { station.workspaces = workspaceUses(node) }
        station.comments = members["comments"].flatMap { self.text($0, of: "comments")?.value }
        return station
    }

    private mutating func uses(_ node: YAMLNode) -> Uses {
        var uses = Uses()
        guard let members = members(of: node, Keys.uses) else { return uses }
        if let node = members["cpus"], let count = count(node, of: "cpus", in: Key.cpus) { uses.cpus = count }
        if let node = members["gpus"], let count = count(node, of: "gpus", in: Key.gpus) { uses.gpus = count }
        uses.memory = members["memory"].flatMap { bytes($0, of: "memory") }
        if uses.memory == 0, let node = members["memory"] {
            diagnostics.add(
                "“memory” asks for nothing", at: node.position,
                fix: "write how much one task takes, 500 MB or 2 GB, or take it out")
        }
        uses.time = members["time"].flatMap { seconds($0, of: "time") }
        return uses
    }

    private mutating func secrets(_ node: YAMLNode, beside variables: [String: String]) -> [String] {
        var names: Set<String> = []
        for text in texts(node, of: "secrets") {
            let shown = Shown.text(text.value)
            if !VariableName.isOne(text.value) {
                diagnostics.add(
                    "“\(shown)” can't be the name of a secret, since it becomes a variable's", at: text.position,
                    fix: "letters, digits and “_”, and no digit first; the secret itself never stands in a metro")
            } else if variables[text.value] != nil {
                diagnostics.add(
                    "“\(shown)” is a secret, and a variable of “env”", at: text.position,
                    fix: "take it out of “env”: the command finds the secret in the variable \(shown)")
            }
            names.insert(text.value)
        }
        return names.sorted()
    }

    private mutating func variables(_ node: YAMLNode) -> [String: String] {
        var variables: [String: String] = [:]
        for (name, value) in named(node, of: "env", "NAME: value") {
            if !VariableName.isOne(name.value) {
                diagnostics.add(
                    "“\(Shown.text(name.value))” can't be the name of a variable", at: name.position,
                    fix: "letters, digits and “_”, and no digit first")
            }
            if let text = text(value, of: name.value, mayBeEmpty: true) { variables[name.value] = text.value }
        }
        return variables
    }
}
