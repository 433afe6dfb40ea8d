internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol

/// Runs as they are named on a command line.
enum RunNames {
    static let argument = CommandSpec.Argument(
        name: "RUN", about: "the run's name; the only one that goes on here when left out", isOptional: true,
        completes: .runs)

    static func parse(_ text: String) throws -> RunID {
        guard let run = RunID(text) else { throw UsageFailure("“\(Shown.text(text))” is no name of a run") }
        return run
    }

    /// A run of this machine: its whole name, or a beginning or an end that no other has.
    static func find(_ text: String, in lash: LASH) throws -> RunID {
        let names = RunList(lash).names
        if let run = names.first(where: { $0.name == text }) { return run }
        let near = names.filter { $0.name.hasPrefix(text) || $0.name.hasSuffix(text) }
        if near.count == 1 { return near[0] }
        let fix = "“las ps --all” lists those that are here"
        if near.isEmpty { throw UsageFailure("there is no run “\(Shown.text(text))” here", fix: fix) }
        throw UsageFailure("\(near.count) runs are called “\(Shown.text(text))…”", fix: fix)
    }

    /// The one that is named, else the only one that goes on.
    static func goingOn(_ invocation: Invocation, _ context: Context) throws -> RunID {
        if let text = invocation.arguments.first { return try find(text, in: context.lash) }
        let list = RunList(context.lash)
        let runs = list.names.filter { list.isGoingOn($0) || ElsewhereRun.mayGoOn($0, context) }
        if let run = runs.last, runs.count == 1 { return run }
        throw UsageFailure(
            runs.isEmpty ? "no run goes on here" : "\(runs.count) runs go on here: which one?",
            fix: runs.isEmpty ? "“las ps --all” lists those that have ended" : "“las ps” lists them")
    }

    /// The one that is named, else the newest.
    static func newest(_ invocation: Invocation, _ context: Context) throws -> RunID {
        if let text = invocation.arguments.first { return try find(text, in: context.lash) }
        guard let run = RunList(context.lash).names.last else {
            throw UsageFailure("there is no run here", fix: "“las run METRO” starts one")
        }
        return run
    }

    /// `today 14:05`, `24 Nov 14:05`.
    static func moment(_ seconds: Double, withSeconds: Bool = false) -> String {
        var (then, now) = (time_t(seconds), time(nil))
        var (parts, today) = (tm(), tm())
        localtime_r(&then, &parts)
        localtime_r(&now, &today)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        var clock = "\(two(parts.tm_hour)):\(two(parts.tm_min))"
        if withSeconds { clock += ":" + two(parts.tm_sec) }
        if !withSeconds, parts.tm_yday == today.tm_yday, parts.tm_year == today.tm_year { return "today \(clock)" }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return "\(parts.tm_mday) \(months[Int(parts.tm_mon) % 12]) \(clock)"
    }
}
