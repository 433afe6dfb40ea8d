internal import Execution
internal import Failures
internal import JSON
internal import Metro
internal import Plan
internal import Terminal

/// What a run here would run, and why, and what is done already.
struct RunForecast {
    private let forecast: Forecast?
    /// Why nothing is known.
    private let reason: String

    /// Reads the files of the inputs; nothing is fetched, made or run. What is in the way of it is told in its place.
    init(_ source: MetroSource, _ context: Context) async {
        do {
            (forecast, reason) = try await Self.look(source, context)
        } catch {
            (forecast, reason) = (nil, (error as? any Failure)?.description ?? "\(error)")
        }
    }

    private static func look(_ source: MetroSource, _ context: Context) async throws -> (Forecast?, String) {
        if !Forecast.knows(source.plan.metro, in: context.lash) { return (nil, "it has not run here yet") }
        let (known, reason) = try await Packing(context: context, source: source).known()
        guard let known else { return (nil, reason) }
        let before = PackedBefore(lash: context.lash)
        let forecast = try Stage.during(context.terminal, "looking at what is done already") { _ in
            try Forecast(
                known.plan, MetroFiles(known.plan, folder: source.folder, in: context.lash),
                environments: known.environments, in: context.lash
            ) { then, now in
                guard let then = before.environment(ofImage: then), let now = before.environment(ofImage: now) else {
                    return nil
                }
                return RunReason.needs(from: then.packages, to: now.packages)
            }
        }
        return (forecast, "")
    }

    /// As a part of `las plan`, with its title.
    var text: String {
        guard let forecast else { return "\nWhat would run\n  all of it: \(Shown.whole(reason))\n" }
        let wide = max(12, (forecast.stations.map(\.id.name.count).max() ?? 0) + 2)
        var text = "\nWhat would run\n"
        for station in forecast.stations {
            text += "  " + Shown.text(station.id.name) + String(repeating: " ", count: wide - station.id.name.count)
            text += Self.words(station) + "\n"
        }
        return text
    }

    private static func words(_ station: Forecast.Station) -> String {
        let (runs, all) = (station.runs.count, station.runs.count + station.done)
        if let task = station.waitsFor { return "since \(Shown.text(task.name)) runs" }
        if runs == 0 { return all == 0 ? "nothing" : "nothing: \(done(station.done))" }
        let reasons = reasons(station)
        if station.done == 0 { return all == 1 ? "\(reasons)" : "all \(Amounts.count(all, "task")): \(reasons)" }
        return "\(runs) of \(Amounts.count(all, "task")): \(reasons)"
    }

    private static func done(_ count: Int) -> String { count == 1 ? "it is done" : "all \(count) tasks are done" }

    /// The same reason once for all tasks that have it.
    private static func reasons(_ station: Forecast.Station) -> String {
        var groups: [(reason: String, tasks: [TaskID])] = []
        for (task, reason) in station.runs {
            if let place = groups.firstIndex(where: { $0.reason == reason }) {
                groups[place].tasks.append(task)
            } else if groups.count < 40 {
                groups.append((reason, [task]))
            }
        }
        if groups.count == 1, station.done == 0 { return groups[0].reason }
        let told = groups.prefix(3).map { group -> String in
            let names = group.tasks.prefix(3).map { Shown.text($0.name, atMost: 60) }.joined(separator: ", ")
            let more = group.tasks.count > 3 ? " and \(group.tasks.count - 3) more" : ""
            return "\(names)\(more) (\(group.reason))"
        }
        let named = groups.prefix(3).reduce(0) { $0 + $1.tasks.count }
        let rest = station.runs.count - named
        return told.joined(separator: ", ") + (rest > 0 ? ", \(rest) more" : "")
    }

    var json: JSONValue {
        guard let forecast else { return ["known": .bool(false), "reason": .string(reason)] }
        let stations = forecast.stations.map { station -> JSONValue in
            var told: [String: JSONValue] = [
                "station": .string(station.id.name), "done": .integer(Int64(station.done)),
                "runs": .array(
                    station.runs.map { ["task": .string($0.task.name), "reason": .string($0.reason)] }),
            ]
            if let task = station.waitsFor { told["waitsFor"] = .string(task.name) }
            return .object(told)
        }
        return ["known": .bool(true), "stations": .array(stations)]
    }
}
