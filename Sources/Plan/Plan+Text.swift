internal import Failures
internal import JSON
internal import Metro

extension Plan {
    /// For programs: the plan itself, indented, with sorted keys.
    package var json: String { String(decoding: JSONText.encode(self, indented: true), as: UTF8.self) }

    /// For people: environments, inputs with their files, each station with how often it runs, what it takes, its command,
    /// outputs and limits, and the results. Fit for a terminal.
    package var text: String {
        var text = Shown.text(metro)
        if let about {
            text +=
                ": "
                + about.split(whereSeparator: \.isNewline).map { Shown.text(String($0), atMost: 500) }.joined(
                    separator: " ")
        }
        text += "\n\nEnvironments\n"
        for environment in environments { text += row(environment.id.name, [needsText(environment)]) }
        if !inputs.isEmpty { text += "\nInputs\n" }
        for input in inputs { text += row(input.name, inputText(input)) }
        let known = knowsAllInputs ? (try? TaskGraph(self)).map { tasks(of: $0) } : nil
        if !workspaces.isEmpty { text += "\nWorkspaces\n" }
        for workspace in workspaces { text += row(workspace.name, [workspaceText(workspace)]) }
        text += "\nStations\n"
        for station in stations { text += row(station.id.name, stationText(station, known)) }
        text += "\nResults\n"
        for result in results {
            text += row(
                result.station.name,
                [
                    result.patterns.isEmpty
                        ? "all that it makes" : result.patterns.map { Shown.text($0) }.joined(separator: " and ")
                ])
        }
        if !notes.isEmpty { text += "\nNotes\n" + notes.map { "  \(Shown.text($0, atMost: 500))\n" }.joined() }
        return text
    }

    private func row(_ name: String, _ lines: [String]) -> String {
        let wide = max(12, name.count + 2)
        var text = "  \(name)\(String(repeating: " ", count: wide - name.count))"
        for (number, line) in lines.enumerated() {
            if number > 0 { text += String(repeating: " ", count: 14) }
            text += line + "\n"
        }
        return text
    }

    private func needsText(_ environment: PlannedEnvironment) -> String {
        environment.needs.isEmpty
            ? "the small base: bash, coreutils, sed, grep, awk, tar, gzip"
            : environment.needs.kinds.map { "\($0.name): \($0.words.joined(separator: ", "))" }.joined(separator: "; ")
    }

    private func inputText(_ input: PlannedInput) -> [String] {
        let patterns =
            input.patterns.map { Shown.text($0, atMost: 100) }.joined(separator: ", ")
            + (input.unpacks == true ? ", unpacked" : "")
        let passes = input.valid?.passes.map { ["each must pass in the run: \(Shown.text($0, atMost: 200))"] } ?? []
        switch (input.kind, input.files) {
        case (.text, _): return ["a text of \(Amount.bytes(Int64(input.text?.utf8.count ?? 0)))"]
        case (.image, nil): return ["\(patterns) in the image: known when packed"] + passes
        case (.files, nil): return ["\(patterns): known when packed"] + passes
        case (_, let files):
            let files = files ?? []
            var lines = ["\(patterns): \(files.count) file\(files.count == 1 ? "" : "s")\(names(files.map(\.name)))"]
            for file in input.leftOut.prefix(5) { lines.append("left out: \(Shown.text(file.path)) \(file.reason)") }
            if input.leftOut.count > 5 { lines.append("left out: \(input.leftOut.count - 5) more") }
            return lines + passes
        }
    }

    private func workspaceText(_ workspace: PlannedWorkspace) -> String {
        let copies = workspace.copies > 1 ? "; each file on \(workspace.copies) machines" : ""
        if workspace.patterns.isEmpty { return "begins empty" + copies }
        let patterns = workspace.patterns.map { Shown.text($0, atMost: 100) }.joined(separator: ", ")
        let count = workspace.files.reduce(0) { $0 + ($1.contents?.count ?? 1) }
        return "\(patterns): \(Amounts.count(count, "file")) at first\(copies)"
    }

    private func names(_ names: [String]) -> String {
        if names.count < 2 { return "" }
        return
            " (\(names.prefix(6).map { Shown.text($0, atMost: 30) }.joined(separator: ", "))\(names.count > 6 ? ", …" : ""))"
    }

    private func tasks(of graph: TaskGraph) -> [StationID: [String]] {
        var tasks: [StationID: [String]] = [:]
        for station in graph.stations {
            // Of turns that are all tasks of their own the first, so that an item is named once.
            tasks[station.planned.id] = station.tasks.map { range in
                range.map { graph.tasks[$0].item }.filter { $0.turn ?? 1 == 1 }.map(\.name)
            }
        }
        return tasks
    }

    /// "once", "for each of reads: 2 tasks (s1, s2)", "10 times, side by side".
    private func often(_ station: PlannedStation, _ known: [StationID: [String]]?) -> String {
        guard station.runsForEach else { return station.turns?.words ?? "once" }
        let each = station.forEach.map { Shown.text($0.description) }.joined(separator: " and ")
        let turns = station.turns.map { ", each \($0.words)" } ?? ""
        guard let items = known?[station.id] else {
            let when = knowsAllInputs ? "known when it has run" : "known when packed"
            return "for each of \(each)\(turns): \(when)"
        }
        var count = items.count
        if let turns = station.turns {
            if !turns.until.isEmpty {
                return "for each of \(each): \(Amounts.count(count, "item"))\(names(items)), each \(turns.words)"
            }
            count *= turns.count
        }
        return "for each of \(each)\(turns): \(Amounts.count(count, "task"))\(names(items))"
    }

    private func stationText(_ station: PlannedStation, _ known: [StationID: [String]]?) -> [String] {
        var lines: [String] = []
        lines.append(often(station, known))
        if station.turns?.until.isEmpty == false { lines.append("how many turns it takes is known when it has run") }
        if !station.takes.isEmpty {
            lines.append("takes    \(station.takes.map { Shown.text($0.description) }.joined(separator: ", "))")
        }
        let command = station.command.split(whereSeparator: \.isNewline).map { Shown.text(String($0), atMost: 2000) }
        for (number, line) in command.enumerated() { lines.append((number == 0 ? "command  " : "         ") + line) }
        let printed = CommandTemplate(station.command).namesOutput || station.outputs.first?.hasSuffix("/") ?? false
        let outputs = station.outputs.map { Shown.text($0, atMost: 100) }
        lines.append("makes    \(outputs.joined(separator: ", "))\(printed ? "" : " (what it prints)")")
        var uses = ["\(station.uses.cpus) cpu\(station.uses.cpus == 1 ? "" : "s")"]
        if let memory = station.uses.memory { uses.append("\(Amount.bytes(memory)) of memory") }
        if station.uses.gpus > 0 { uses.append("\(station.uses.gpus) gpu\(station.uses.gpus == 1 ? "" : "s")") }
        if let time = station.uses.time { uses.append("at most \(Amount.seconds(time))") }
        lines.append("uses     \(uses.joined(separator: ", "))")
        if station.retry > 0 { lines.append("retry    \(Amounts.count(station.retry, "time")) when a task fails") }
        if station.usesNetwork { lines.append("network  yes") }
        if !station.secrets.isEmpty { lines.append("secrets  \(station.secrets.joined(separator: ", "))") }
        if let label = station.label { lines.append("at       hosts with the label \(Shown.text(label))") }
        if station.isWritable { lines.append("writable yes: what it changes in its environment is thrown away") }
        if station.keepsMade { lines.append("keep     yes: what it makes stays with the run") }
        if !station.workspaces.isEmpty {
            let names = station.workspaces.map { Shown.text($0.name) + ($0.isReadOnly ? " (reads)" : "") }
            lines.append("shares   \(names.joined(separator: ", "))")
        }
        if environments.count > 1 { lines.append("in       \(station.environment)") }
        return lines
    }
}
