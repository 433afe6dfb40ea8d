internal import Execution
internal import Failures
internal import Files
internal import HostProtocol
internal import JSON
internal import Terminal

let reportCommand = CommandSpec(
    name: "report", about: "tell what a run did: what ran, on what, in what, and what came of it",
    arguments: [
        .init(name: "RUN", about: "its name; the newest here when left out", isOptional: true, completes: .runs)
    ],
    options: [
        .init(name: "--html", value: "FILE", about: "write a page with a timeline, which needs nothing else"),
        .init(name: "--json", about: "as JSON, with every digest", completes: .nothing),
    ],
    examples: [
        ("las report", "the newest run, a line for each task"),
        ("las report --html run.html", "as a page for any browser: a timeline, commands, digests, times, memory"),
    ],
    details: """
        For each task: its command, the digests of its environment, of what it took and of what it made, its exit code, when it
        ran and for how long, the time of processors and the memory that it used. Kept for runs that ended well, too.
        """
) { invocation, context in
    let run = try RunNames.newest(invocation, context)
    let found = await ElsewhereRun.summary(of: run, context)
    let report = RunReport(run, in: context.lash, found: found)
    if let file = invocation.value("--html") {
        let path = Context.absolute(file)
        try Folder.checkPlace(File.parent(of: path))
        try File.write(ReportPage(report, plan: try? RunMap.plan(of: run, in: context.lash)).html, to: path)
        context.terminal.say("the report of \(run): \(Shown.whole(file))")
    } else if invocation.has("--json") {
        context.terminal.print(bytes: JSONText.bytes(of: ReportText.json(report), indented: true))
    } else {
        for line in ReportText.lines(report) { context.terminal.print(line) }
    }
    return .done
}

/// A report in words and as JSON.
enum ReportText {
    static func lines(_ report: RunReport) -> [String] {
        let run = report.summary
        var lines = ["\(run.run): \(RunText.state(run)), \(RunText.progress(run))"]
        if let began = report.starts.first {
            let resumed = report.starts.count - 1
            let again = resumed == 0 ? "" : ", resumed \(resumed == 1 ? "once" : "\(resumed) times")"
            lines.append("  \(Shown.whole(run.metro)), began \(RunNames.moment(began))\(again)")
        }
        lines.append("  engine: \(Shown.whole(report.engine)), \(Shown.whole(report.reason))")
        if let sandbox = report.sandbox { lines.append("  sandbox: \(Shown.text(sandbox))") }
        if let digest = report.metroImage { lines.append("  metro: \(digest.short)") }
        for (name, digest) in report.environments.sorted(by: { $0.key < $1.key }) {
            lines.append("  environment \(Shown.text(name)): \(digest.short)")
        }
        lines += report.notes.map { "  note: " + Shown.whole($0) }
        let rows = report.tasks.map { task in
            [
                Shown.text(task.id.name), words(task), task.seconds.map { Amounts.seconds($0) } ?? "",
                task.cpuSeconds.map { Amounts.seconds($0) } ?? "", task.peakMemory.map { Amounts.bytes($0) } ?? "",
                Amounts.bytes(task.outputs.reduce(0) { $0 + $1.size }),
            ]
        }
        lines += Table.lines([["TASK", "", "TOOK", "CPU", "MEMORY", "MADE"]] + rows)
        if let freed = freed(report) { lines.append("  " + freed) }
        lines += hosts(of: report)
        for task in report.tasks where task.outcome == .failed {
            lines.append("\(Shown.text(task.id.name)) failed: \(Shown.whole(task.reason ?? ""))")
        }
        return lines
    }

    /// nil where all that was made is there still, or was until the run's end.
    static func freed(_ report: RunReport) -> String? {
        let freed = report.tasks.filter(\.isFreed)
        if freed.isEmpty { return nil }
        let bytes = freed.reduce(0) { $0 + $1.outputs.reduce(0) { $0 + $1.size } }
        return
            "removed from the run when nothing needed it any more: what \(Amounts.count(freed.count, "task")) made, \(Amounts.bytes(bytes))"
    }

    /// Who did what, where it was several hosts.
    private static func hosts(of report: RunReport) -> [String] {
        var counts: [String: Int] = [:]
        for task in report.tasks where task.outcome == .done || task.outcome == .leftOut {
            if let host = task.host { counts[host, default: 0] += 1 }
        }
        var lines = counts.sorted { $0.key < $1.key }.map {
            "\(Shown.text($0.key)) did \(Amounts.count($0.value, "task"))"
        }
        for task in report.tasks where !task.moves.isEmpty {
            let from = task.moves.map { Shown.text($0.host) }.joined(separator: ", then from ")
            let ran = task.moves.contains { $0.hadBegun } ? ", and ran again" : ""
            lines.append("\(Shown.text(task.id.name)) moved from \(from) to \(Shown.text(task.host ?? "none"))\(ran)")
        }
        return lines
    }

    static func words(_ task: RunReport.Task) -> String {
        let how = task.outcome == .reused ? "done before" : task.outcome.rawValue
        return task.attempts > 1 ? "\(how), attempt \(task.attempts)" : how
    }

    static func json(_ report: RunReport) -> JSONValue {
        var told = RunText.json(report.summary, whole: false).object ?? [:]
        told["engine"] = .string(report.engine)
        told["reason"] = .string(report.reason)
        told["sandbox"] = .string(report.sandbox ?? "on")
        told["notes"] = .array(report.notes.map { .string($0) })
        told["starts"] = .array(report.starts.map { .number($0) })
        told["metroImage"] = report.metroImage.map { .string($0.hex) }
        told["environments"] = .object(report.environments.mapValues { .string($0.hex) })
        told["results"] = files(report.results)
        told["freed"] = .integer(
            report.tasks.filter(\.isFreed).reduce(0) { $0 + $1.outputs.reduce(0) { $0 + $1.size } })
        told["byTask"] = .array(report.tasks.map(json))
        return .object(told)
    }

    private static func json(_ task: RunReport.Task) -> JSONValue {
        var told: [String: JSONValue] = [
            "task": .string(task.id.name), "station": .string(task.station.name),
            "outcome": .string(task.outcome.rawValue), "began": .number(task.began),
            "attempts": .integer(Int64(task.attempts)), "outputs": files(task.outputs),
        ]
        told["command"] = task.command.map { .string($0) }
        told["environment"] = task.environment.map { .string($0.hex) }
        told["knownBy"] = task.key.map { JSONValue(encoding: $0) }
        told["seconds"] = task.seconds.map { .number($0) }
        told["cpuSeconds"] = task.cpuSeconds.map { .number($0) }
        told["peakMemory"] = task.peakMemory.map { .integer($0) }
        told["exitCode"] = task.exitCode.map { .integer(Int64($0)) }
        told["signal"] = task.signal.map { .integer(Int64($0)) }
        told["seed"] = task.seed.map { .integer(Int64($0)) }
        if task.isFreed { told["freed"] = .bool(true) }
        told["reason"] = task.reason.map { .string($0) }
        told["host"] = task.host.map { .string($0) }
        if !task.moves.isEmpty {
            told["moved"] = .array(task.moves.map { ["from": .string($0.host), "ranAgain": .bool($0.hadBegun)] })
        }
        return .object(told)
    }

    private static func files(_ files: [RunEvent.File]) -> JSONValue {
        .array(
            files.map { file in
                var told: [String: JSONValue] = ["path": .string(file.path), "size": .integer(file.size)]
                told["sha256"] = file.digest.map { .string($0.hex) }
                return .object(told)
            })
    }
}
