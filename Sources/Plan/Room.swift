internal import Failures

/// What a host has for tasks, as far as a plan must know it.
package struct Room: Hashable, Sendable {
    package var cpus: Int
    /// Bytes.
    package var memory: Int64
    package var gpus: Int

    package init(cpus: Int, memory: Int64, gpus: Int = 0) {
        (self.cpus, self.memory, self.gpus) = (cpus, memory, gpus)
    }

    package func holds(_ wanted: Resources) -> Bool {
        wanted.cpus <= cpus && wanted.memory ?? 0 <= memory && wanted.gpus <= gpus
    }

    /// - Parameter place: whose room it is: "this host has".
    /// - Returns: what of it is too little for one task: "wants 64 cpus, and this host has 8"; nil when it is enough.
    package func shortage(for wanted: Resources, _ place: String) -> String? {
        if wanted.cpus > cpus { return "wants \(wanted.cpus) cpus, and \(place) \(cpus)" }
        if let bytes = wanted.memory, bytes > memory {
            return "wants \(Self.text(bytes)) of memory, and \(place) \(Self.text(memory))"
        }
        if wanted.gpus > gpus {
            return "wants \(Amounts.count(wanted.gpus, "gpu")), and \(place) \(gpus == 0 ? "none" : "\(gpus)")"
        }
        return nil
    }

    /// To be compared by eye, so with a digit after the point.
    private static func text(_ bytes: Int64) -> String {
        let tenths = (bytes + 50_000_000) / 100_000_000
        return bytes < 100_000_000
            ? Amount.bytes(bytes) : "\(tenths / 10)\(tenths % 10 == 0 ? "" : ".\(tenths % 10)") GB"
    }
}

extension Plan {
    /// The stations that no host has room for, each with what it wants and does not get.
    ///
    /// - Parameters:
    ///   - hosts: what each has; nil for one that nothing is known of, which may have room for anything.
    ///   - place: whose the largest is: "the largest host that las knows has".
    package func tooLarge(for hosts: [Room?], _ place: String) -> [(station: StationID, shortage: String)] {
        let known = hosts.compactMap { $0 }
        guard known.count == hosts.count, !known.isEmpty else { return [] }
        return stations.compactMap { station in
            if known.contains(where: { $0.holds(station.uses) }) { return nil }
            // The one that comes nearest to what is wanted first.
            let nearest = known.max { ($0.cpus, $0.memory) < ($1.cpus, $1.memory) }
            return nearest?.shortage(for: station.uses, place).map { (station.id, $0) }
        }
    }

    /// The environments of the stations that a host may get tasks of.
    ///
    /// - Parameters:
    ///   - labels: those of the host.
    ///   - room: what it has; nil where nothing is known of it.
    package func environments(for labels: Set<String>, _ room: Room?) -> Set<EnvironmentID> {
        Set(
            stations.lazy.filter { station in
                station.label.map(labels.contains) ?? true && room?.holds(station.uses) ?? true
            }.map(\.environment))
    }
}
