internal import Metro
package import Plan

extension MapGraph {
    /// Which of the metros that stand in this one are drawn with their inside.
    package enum Opening: Sendable {
        case none
        case all
        /// By their paths: `qc`, `qc/trim`; what they stand in is open too.
        case these(Set<String>)

        fileprivate func opens(_ path: String) -> Bool {
            switch self {
            case .none: false
            case .all: true
            case .these(let paths): paths.contains { $0 == path || $0.hasPrefix(path + "/") }
            }
        }
    }

    /// The paths of all metros in a plan, sorted.
    package static func metros(in plan: Plan) -> [String] {
        var paths = Set<String>()
        for station in plan.stations { paths.formUnion(outer(of: station.id.name)) }
        return paths.sorted()
    }

    package init(_ plan: Plan, opening: Opening = .none) {
        var map = Mapping(plan, opening)
        map.addInputs()
        map.addLines()
        map.connect()
        self.init(
            title: plan.metro, about: plan.about, lines: map.lines, stops: map.stops, connections: map.connections)
    }

    /// Of `qc/cut/trim` the metros that it stands in: `qc`, `qc/cut`.
    private static func outer(of name: String) -> [String] {
        let names = name.split(separator: "/")
        return (1..<max(1, names.count)).map { names.prefix($0).joined(separator: "/") }
    }

    private struct Mapping {
        let plan: Plan
        let opening: Opening
        var lines: [String] = []
        var stops: [Stop] = []
        var connections: [(from: Int, to: Int)] = []
        private var numbers: [String: Int] = [:]
        private var lineNumbers: [String: Int] = [:]
        private let inputs: [String: PlannedInput]
        private let known: [StationID: Int]
        private let kept: Set<String>

        init(_ plan: Plan, _ opening: Opening) {
            (self.plan, self.opening) = (plan, opening)
            inputs = Dictionary(plan.inputs.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            known = plan.knowsAllInputs ? (try? TaskGraph(plan))?.knownTasks ?? [:] : [:]
            kept = Set(plan.results.map(\.station.name))
        }

        /// What is drawn for a station or an input: itself, or the closed metro that it stands in.
        private func shown(_ name: String) -> String { outer(of: name).first { !opening.opens($0) } ?? name }

        mutating func addInputs() {
            for input in plan.inputs where input.base == nil && shown(input.name) == input.name {
                add(Stop(id: input.name, kind: .input))
            }
        }

        private mutating func add(_ stop: Stop) {
            numbers[stop.id] = stops.count
            stops.append(stop)
        }

        mutating func addLines() {
            let stations = Dictionary(plan.stations.map { ($0.id.name, $0) }, uniquingKeysWith: { first, _ in first })
            for line in plan.lines ?? [] {
                for name in line.stops where shown(name) == name {
                    if let station = stations[name] {
                        add(stop(for: station))
                    } else if !opening.opens(name) {
                        add(metro(name, line: line.name))
                    }
                }
            }
            // A plan of before tells no lines, and a metro's line is not known from it.
            for station in plan.stations where numbers[shown(station.id.name)] == nil {
                let name = shown(station.id.name)
                add(name == station.id.name ? stop(for: station) : metro(name, line: station.line))
            }
        }

        private mutating func stop(for station: PlannedStation) -> Stop {
            var stop = Stop(id: station.id.name, kind: .station, line: number(ofLine: station.line))
            stop.isKept = kept.contains(station.id.name)
            if station.runsForEach { stop.often = "×" + (known[station.id].map { "\($0)" } ?? "n") }
            if let turns = station.turns {
                let often = turns.until.isEmpty ? "\(turns.count)" : "≤\(turns.count)"
                stop.often += (stop.often.isEmpty ? "" : " ") + "↻" + often
            }
            return stop
        }

        private mutating func metro(_ name: String, line: String) -> Stop {
            var stop = Stop(id: name, kind: .metro, line: number(ofLine: line))
            stop.isKept = kept.contains { $0.hasPrefix(name + "/") }
            return stop
        }

        private mutating func number(ofLine name: String) -> Int {
            if let number = lineNumbers[name] { return number }
            lineNumbers[name] = lines.count
            lines.append(name)
            return lines.count - 1
        }

        mutating func connect() {
            for station in plan.stations {
                guard let to = numbers[shown(station.id.name)] else { continue }
                for taken in station.takes + station.forEach {
                    if let from = numbers[shown(source(of: taken))] { connections.append((from, to)) }
                }
            }
        }

        /// Some of the files of an input come from that input.
        private func source(of taken: Taken) -> String {
            var name = taken.name
            while let base = taken.input == nil ? nil : inputs[name]?.base?.input { name = base }
            return name
        }
    }
}
