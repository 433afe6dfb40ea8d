/// How far a run is with what is drawn at a stop.
package struct StopState: Hashable, Sendable {
    package enum Phase: String, Hashable, Sendable, CaseIterable {
        case waiting, running, done, failed
        /// What it takes failed.
        case skipped

        /// For people.
        var words: String { self == .skipped ? "not run" : rawValue }
    }

    package let phase: Phase
    /// Tasks that are done, of those that are known.
    package let done: Int
    package let tasks: Int

    package init(_ phase: Phase, done: Int = 0, of tasks: Int = 0) {
        (self.phase, self.done, self.tasks) = (phase, done, tasks)
    }

    /// `3/12`; nil for a single task.
    var count: String? { tasks > 1 ? "\(done)/\(tasks)" : nil }

    /// Several as one: a metro that is drawn closed.
    package init(_ states: [StopState]) {
        func any(_ phase: Phase) -> Bool { states.contains { $0.phase == phase } }
        phase =
            any(.failed)
            ? .failed
            : any(.running)
                ? .running
                : any(.skipped) ? .skipped : any(.waiting) ? any(.done) ? .running : .waiting : .done
        (done, tasks) = (states.reduce(0) { $0 + $1.done }, states.reduce(0) { $0 + $1.tasks })
    }
}

extension MapGraph {
    /// The same map with a run on it.
    ///
    /// - Parameter stations: how far it is with each, by whole names; the others wait.
    package func showing(_ stations: [String: StopState]) -> MapGraph {
        var graph = self
        for number in stops.indices {
            let stop = stops[number]
            switch stop.kind {
            case .input: continue
            case .station: graph.stops[number].state = stations[stop.id] ?? StopState(.waiting)
            case .metro:
                let inside = stations.filter { $0.key.hasPrefix(stop.id + "/") }.sorted { $0.key < $1.key }
                graph.stops[number].state = inside.isEmpty ? StopState(.waiting) : StopState(inside.map(\.value))
            }
            if let count = graph.stops[number].state?.count { graph.stops[number].often = count }
        }
        return graph
    }
}
