internal import Execution
internal import Failures
internal import HostProtocol
internal import Map
internal import Plan

/// A report as one page for any browser: no script, nothing taken from elsewhere, every foreign text escaped.
struct ReportPage {
    private let report: RunReport
    private let plan: Plan?
    /// Those that are shown: all, or of very many the longest and what failed.
    private let tasks: [RunReport.Task]

    private static let most = 3000

    /// - Parameter plan: of the run; nil where it is not known any more.
    init(_ report: RunReport, plan: Plan?) {
        (self.report, self.plan) = (report, plan)
        guard report.tasks.count > Self.most else {
            tasks = report.tasks
            return
        }
        let longest = report.tasks.indices.sorted {
            let (left, right) = (report.tasks[$0], report.tasks[$1])
            if (left.outcome == .failed) != (right.outcome == .failed) { return left.outcome == .failed }
            return (left.seconds ?? 0, $1) > (right.seconds ?? 0, $0)
        }
        tasks = longest.prefix(Self.most).sorted().map { report.tasks[$0] }
    }

    var html: String {
        let title = "\(Self.text(report.summary.metro)): \(Self.text(report.summary.run.name))"
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>\(title)</title>
            <meta name="viewport" content="width=device-width"><style>
            body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222}
            h1{font-size:1.4em}table{border-collapse:collapse;width:100%}
            th,td{text-align:left;vertical-align:top;padding:.2em .8em .2em 0;border-bottom:1px solid #ddd}
            td.n{text-align:right;white-space:nowrap}code{font:12px ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
            details>summary{cursor:pointer}.failed{color:#b00020}.quiet{color:#777}svg{width:100%;height:auto}
            </style></head><body>
            <h1>\(title)</h1>
            \(overview)
            \(map)
            \(timeline)
            \(table)
            </body></html>

            """
    }

    private var overview: String {
        let run = report.summary
        var rows = [
            ("state", "\(RunText.state(run)), \(RunText.progress(run))"),
            ("began", report.starts.map { Self.moment($0) }.joined(separator: ", went on ")),
            ("engine", "\(report.engine): \(report.reason)"),
        ]
        if let began = report.starts.first, let last = run.last { rows.append(("took", Amounts.seconds(last - began))) }
        if let sandbox = report.sandbox { rows.append(("sandbox", sandbox)) }
        if let text = run.text { rows.append(("end", text)) }
        if let digest = report.metroImage { rows.append(("metro image", digest.hex)) }
        for (name, digest) in report.environments.sorted(by: { $0.key < $1.key }) {
            rows.append(("environment \(name)", digest.hex))
        }
        rows += report.notes.map { ("note", $0) }
        return "<table id=\"run\">"
            + rows.map { "<tr><th>\(Self.text($0.0))</th><td>\(Self.text($0.1))</td></tr>" }.joined(separator: "\n")
            + "</table>"
    }

    /// Which stations came how far; nothing where the plan is gone.
    private var map: String {
        guard let plan else { return "" }
        return SVGMap(MapLayout.picture(of: MapGraph(plan).showing(RunMap.states(report.summary)))).text
    }

    // MARK: The timeline

    /// Each task a bar, as many one above the other as ran at once. What came of earlier runs took no time, and is not there.
    private var timeline: String {
        let ran = tasks.filter { $0.outcome != .reused }.sorted { $0.began < $1.began }
        guard let first = ran.first?.began else { return "" }
        func end(_ task: RunReport.Task) -> Double {
            max(task.began, task.seconds.map { task.began + $0 } ?? report.summary.last ?? task.began)
        }
        let span = max(0.001, (ran.map(end).max() ?? first) - first)
        var lanes: [Double] = []
        var bars = ""
        for task in ran {
            let lane = lanes.firstIndex { $0 <= task.began + span / 10_000 } ?? lanes.count
            if lane == lanes.count { lanes.append(0) }
            lanes[lane] = end(task)
            let (left, width) = ((task.began - first) / span * 980, max(0.5, (end(task) - task.began) / span * 980))
            let told =
                "\(task.id.name): \(ReportText.words(task))\(task.seconds.map { ", \(Amounts.seconds($0))" } ?? "")"
            bars +=
                "<rect x=\"\(Self.number(10 + left))\" y=\"\(lane * 14 + 4)\" width=\"\(Self.number(width))\" height=\"11\" rx=\"1\" fill=\"\(color(task))\"><title>\(Self.text(told))</title></rect>\n"
        }
        let height = lanes.count * 14 + 24
        let marks = (0...4).map { mark in
            let x = 10 + mark * 245
            return
                "<text x=\"\(x)\" y=\"\(height - 4)\" font-size=\"9\" fill=\"#777\" text-anchor=\"\(mark == 4 ? "end" : mark == 0 ? "start" : "middle")\">\(Amounts.seconds(span * Double(mark) / 4))</text>"
        }.joined()
        return
            "<svg viewBox=\"0 0 1000 \(height)\" role=\"img\" aria-label=\"when each task ran\">\n\(bars)\(marks)</svg>"
    }

    /// The same for all tasks of a station.
    private func color(_ task: RunReport.Task) -> String {
        if task.outcome == .failed || task.outcome == .cutOff { return "#b00020" }
        let hue = task.station.name.utf8.reduce(UInt32(7)) { ($0 &* 31) &+ UInt32($1) } % 300 + 30
        return "hsl(\(hue) 55% 55%)"
    }

    // MARK: The tasks

    private var table: String {
        var rows =
            "<table id=\"tasks\"><tr><th>task</th><th></th><th>began</th><th>took</th><th>cpu</th><th>memory</th><th>exit</th></tr>\n"
        for task in tasks {
            let exit = task.exitCode.map { "\($0)" } ?? task.signal.map { "signal \($0)" } ?? ""
            rows +=
                "<tr><td>\(details(task))</td><td\(task.outcome == .failed ? " class=\"failed\"" : "")>\(Self.text(ReportText.words(task)))</td>"
            let cells = [
                Self.moment(task.began), task.seconds.map { Amounts.seconds($0) } ?? "",
                task.cpuSeconds.map { Amounts.seconds($0) } ?? "", task.peakMemory.map { Amounts.bytes($0) } ?? "",
                exit,
            ]
            rows += cells.map { "<td class=\"n\">\(Self.text($0))</td>" }.joined() + "</tr>\n"
        }
        rows += "</table>\n"
        if let freed = ReportText.freed(report) { rows += "<p class=\"quiet\">\(Self.text(freed))</p>\n" }
        if tasks.count < report.tasks.count {
            rows +=
                "<p class=\"quiet\">The \(tasks.count) longest of \(report.tasks.count) tasks; las report --json has all.</p>\n"
        }
        return rows
    }

    private func details(_ task: RunReport.Task) -> String {
        var lines = ""
        func line(_ name: String, _ value: String) { lines += "<br>\(name) <code>\(Self.text(value))</code>\n" }
        if let command = task.command { line("command", command) }
        if let reason = task.reason { line("because", reason) }
        if let digest = task.environment { line("environment", digest.hex) }
        if let seed = task.seed { line("seed", "\(seed)") }
        for (name, digest) in task.key?.taken ?? [] { line("took", "\(name) \(digest)") }
        for file in task.outputs.prefix(50) {
            line("made", "\(file.path) \(file.digest.map { "\(Amounts.bytes(file.size)) \($0.hex)" } ?? "")")
        }
        if task.outputs.count > 50 { line("made", "and \(task.outputs.count - 50) more") }
        return "<details><summary>\(Self.text(task.id.name))</summary>\(lines)</details>"
    }

    // MARK: Text

    /// Safe in an element and in an attribute; control characters as they are shown on a terminal.
    static func text(_ text: String) -> String {
        Shown.whole(text, keepingLines: true).replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }

    private static func moment(_ seconds: Double) -> String { RunNames.moment(seconds, withSeconds: true) }

    private static func number(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
