package import JSON
package import Plan

extension StepAdvance.Standing {
    /// What `advance --json` prints: numbers of steps as `0-4,7`.
    package var json: JSONValue {
        var value: [String: JSONValue] = [
            "run": .string(run.name), "metro": .string(metro), "ended": .bool(end != nil),
            "stations": .array(stations.map(\.json)),
        ]
        if let succeeded = end?.succeeded { value["succeeded"] = .bool(succeeded) }
        return .object(value)
    }
}

extension StationSteps {
    package var json: JSONValue {
        var value: [String: JSONValue] = [
            "station": .string(station.name), "skipped_whole": .bool(isSkipped), "attempts": .integer(Int64(attempts)),
            "turns": .integer(Int64(turns)), "cpus": .integer(Int64(uses.cpus)), "gpus": .integer(Int64(uses.gpus)),
            "after": .array(
                waits.map { ["station": .string($0.station.name), "matched": .bool($0.isMatched)] as JSONValue }),
        ]
        if let memory = uses.memory { value["memory"] = .integer(memory) }
        if let time = uses.time { value["time"] = .number(time) }
        guard let states else { return .object(value) }
        value["steps"] = .integer(Int64(states.count))
        for state in State.allCases { value[state.rawValue] = .string(NumberRanges(numbers(state)).text) }
        return .object(value)
    }
}
