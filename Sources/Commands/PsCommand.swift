internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import JSON
internal import Plan
internal import Terminal

let psCommand = CommandSpec(
    name: "ps", about: "list the runs that go on here",
    options: [
        .init(name: "--all", about: "those that have ended, too", completes: .nothing),
        .init(name: "--json", about: "as JSON, for scripts", completes: .nothing),
    ],
    examples: [
        ("las ps", "what runs now, and how far it is"),
        ("las ps --all", "with those that ended, failed, or were cut off"),
    ]
) { invocation, context in
    let list = RunList(context.lash)
    let all = invocation.has("--all")
    let names = list.names.filter { all || list.isGoingOn($0) || ElsewhereRun.mayGoOn($0, context) }
    let runs = await ElsewhereRun.summaries(of: names, context).filter {
        all || $0.isGoingOn || $0.state == .outOfReach
    }
    if invocation.has("--json") {
        context.terminal.print(
            bytes: JSONText.bytes(of: .array(runs.map { RunText.json($0, whole: false) }), indented: true))
        return .done
    }
    if runs.isEmpty {
        context.terminal.say(invocation.has("--all") ? "there are no runs here" : "no run goes on here")
        return .done
    }
    let rows = runs.map { run in
        [
            run.run.name, RunText.state(run) + (run.host.map { " on \($0)" } ?? ""), RunText.progress(run),
            run.began.map { RunNames.moment($0) } ?? "",
        ]
    }
    for line in Table.lines([["RUN", "STATE", "TASKS", "BEGAN"]] + rows) { context.terminal.print(line) }
    return .done
}

let statusCommand = CommandSpec(
    name: "status", about: "say how far a run is, what runs, and what failed",
    arguments: [
        .init(name: "RUN", about: "its name; the newest here when left out", isOptional: true, completes: .runs)
    ],
    options: [.init(name: "--json", about: "as JSON, for scripts", completes: .nothing)],
    examples: [
        ("las status", "the newest run"),
        ("las status variants-7f3a2", "a beginning or the end of its name is enough, where only one has it"),
    ]
) { invocation, context in
    let run = await ElsewhereRun.summary(of: try RunNames.newest(invocation, context), context)
    if invocation.has("--json") {
        context.terminal.print(bytes: JSONText.bytes(of: RunText.json(run, whole: true), indented: true))
    } else {
        for line in RunText.lines(run, in: context.lash) { context.terminal.print(line) }
    }
    return .done
}

/// A run in words and as JSON.
enum RunText {
    static func state(_ run: RunSummary) -> String {
        switch run.state {
        case .running, .paused, .done, .cancelled, .cutOff, .outOfReach: run.state.rawValue
        case .failed: run.text == nil ? "failed" : "ended early"
        }
    }

    static func progress(_ run: RunSummary) -> String { "\(run.done) of \(run.tasks) done" }

    static func lines(_ run: RunSummary, in lash: LASH) -> [String] {
        let folder = RunFolder(run.run, in: lash)
        var lines = ["\(run.run): \(state(run)), \(progress(run))"]
        if !run.metro.isEmpty {
            let began = run.began.map { ", began \(RunNames.moment($0))" } ?? ""
            let took = run.began.flatMap { began in run.last.map { $0 - began } }
            lines.append(
                "  \(Shown.whole(run.metro)) by \(Shown.whole(run.engine))\(run.host.map { " on \($0)" } ?? "")\(began)"
                    + (run.isGoingOn ? "" : took.map { ", took \(Amounts.seconds($0))" } ?? ""))
        }
        if let text = run.text { lines.append("  " + Shown.whole(text)) }
        let rows = run.stations.map { station -> [String] in
            var words = "\(station.done) of \(Amounts.count(station.tasks, "task"))"
            if station.reused > 0 { words += ", \(station.reused) of them before" }
            if station.failed > 0 { words += ", \(station.failed) failed" }
            if station.skipped { words = "not run: what it takes failed" }
            return ["  " + Shown.text(station.id.name), words]
        }
        lines += Table.lines(rows)
        let now = Double(time(nil))
        for task in run.running.prefix(20) {
            lines.append("  running  \(Shown.text(task.id.name)) (\(Amounts.seconds(max(0, now - task.since))))")
        }
        if run.running.count > 20 { lines.append("  and \(run.running.count - 20) more") }
        for task in run.failures.prefix(20) {
            lines.append("  failed   \(Shown.text(task.id.name)): \(Shown.whole(task.reason ?? ""))")
        }
        if run.failures.count > 20 { lines.append("  and \(run.failures.count - 20) more failed") }
        if run.state != .done { lines.append("  what its tasks print: las logs \(run.run)") }
        if !run.isGoingOn, run.state != .done { lines.append("  to go on with it: las resume \(run.run)") }
        if run.state == .done, !run.isGoingOn, File.exists(folder.journal) {
            lines.append("  what ran, and how: las report \(run.run)")
        }
        return lines
    }

    /// - Parameter whole: with its stations and tasks.
    static func json(_ run: RunSummary, whole: Bool) -> JSONValue {
        var told: [String: JSONValue] = [
            "run": .string(run.run.name), "metro": .string(run.metro), "state": .string(run.state.rawValue),
            "tasks": .integer(Int64(run.tasks)), "done": .integer(Int64(run.done)),
            "began": run.began.map { .number($0) } ?? .null, "last": run.last.map { .number($0) } ?? .null,
        ]
        if let host = run.host { told["host"] = .string(host) }
        if !whole { return .object(told) }
        told["engine"] = .string(run.engine)
        if let text = run.text { told["text"] = .string(text) }
        told["stations"] = .array(
            run.stations.map {
                [
                    "station": .string($0.id.name), "tasks": .integer(Int64($0.tasks)),
                    "done": .integer(Int64($0.done)), "reused": .integer(Int64($0.reused)),
                    "failed": .integer(Int64($0.failed)), "skipped": .bool($0.skipped),
                ]
            })
        told["running"] = .array(run.running.map { ["task": .string($0.id.name), "since": .number($0.since)] })
        told["failures"] = .array(
            run.failures.map { ["task": .string($0.id.name), "reason": .string($0.reason ?? "")] })
        return .object(told)
    }
}
