internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import Terminal

let logsCommand = CommandSpec(
    name: "logs", about: "show what the tasks of a run printed",
    arguments: [
        .init(name: "RUN", about: "its name; the newest here when left out", isOptional: true, completes: .runs),
        .init(
            name: "TASK", about: "a station, or one of its tasks; all when left out", isOptional: true,
            completes: .nothing),
    ],
    options: [
        .init(name: "--follow", about: "go on with what is printed, up to the run's end; also -f", completes: .nothing)
    ],
    examples: [
        ("las logs", "all that the newest run printed"),
        ("las logs variants-7f3a2 align/s1", "one task of that run"),
        ("las logs variants-7f3a2 align --follow", "what all tasks of a station print, while they run"),
    ]
) { invocation, context in
    let run = try RunNames.newest(invocation, context)
    let name = invocation.arguments.dropFirst().first
    let logs = RunLogs(RunFolder(run, in: context.lash))
    let printer = LogPrinter(context.terminal)
    if let elsewhere = try ElsewhereRun.of(run, context) {
        signal(SIGPIPE, SIG_DFL)
        var printed: [RunLogs.Log: Int] = [:]
        try await elsewhere.logs(follows: invocation.has("--follow")) {
            for log in logs.logs(of: name) {
                let bytes = try logs.read(log)
                printer.print(log, Array(bytes.dropFirst(printed[log] ?? 0)))
                printed[log] = bytes.count
            }
        }
        if printed.isEmpty {
            context.terminal.say("\(run) has printed nothing" + (name.map { " of \(Shown.text($0))" } ?? ""))
        }
        return .done
    }
    if invocation.has("--follow"), RunList(context.lash).isGoingOn(run) {
        signal(SIGPIPE, SIG_DFL)
        try logs.follow(name) { printer.print($0, $1) }
        return .done
    }
    let found = logs.logs(of: name)
    if found.isEmpty {
        context.terminal.say(
            name.map { "\(Shown.text($0)) of \(run) has printed nothing" } ?? "\(run) has printed nothing")
    }
    for log in found { printer.print(log, try logs.read(log)) }
    return .done
}

/// Each log under a line that says whose it is.
private final class LogPrinter {
    private let terminal: Terminal
    private var last: RunLogs.Log?

    init(_ terminal: Terminal) { self.terminal = terminal }

    func print(_ log: RunLogs.Log, _ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        if last != log {
            let again = log.attempt > 1 ? ", attempt \(log.attempt)" : ""
            terminal.print(
                "== \(Shown.text(log.name)) (\(log.isErrors ? "standard error" : "standard output")\(again))")
        }
        last = log
        // On a terminal what a program wrote could do more than be read.
        if isatty(1) == 1 {
            terminal.print(bytes: Array(Shown.whole(String(decoding: bytes, as: UTF8.self), keepingLines: true).utf8))
        } else {
            terminal.print(bytes: bytes)
        }
        if bytes.last != UInt8(ascii: "\n") { terminal.print("") }
    }
}
