internal import CLinux
internal import Files
internal import Plan

/// What a host has for tasks.
package struct Capacity: Hashable, Sendable {
    package var cpus: Int
    /// Bytes.
    package var memory: Int64
    package var gpus: Int

    package init(cpus: Int, memory: Int64, gpus: Int) { (self.cpus, self.memory, self.gpus) = (cpus, memory, gpus) }

    /// - Parameter cpus: how many may be used; nil for all.
    package static func ofHost(cpus: Int? = nil) -> Capacity {
        let usable = Int(las_usable_cpus())
        return Capacity(
            cpus: max(1, min(cpus ?? usable, usable)), memory: las_total_memory(),
            gpus: HostGPUs.ofHost.count)
    }

    func holds(_ wanted: Resources) -> Bool {
        wanted.cpus <= cpus && wanted.memory ?? 0 <= memory && wanted.gpus <= gpus
    }

    mutating func take(_ wanted: Resources) {
        cpus -= wanted.cpus
        memory -= wanted.memory ?? 0
        gpus -= wanted.gpus
    }

    mutating func give(_ wanted: Resources) {
        cpus += wanted.cpus
        memory += wanted.memory ?? 0
        gpus += wanted.gpus
    }

    /// Refuses a plan that could never end here, before anything starts.
    func check(_ plan: Plan) throws(ExecutionFailure) {
        let room = Room(cpus: cpus, memory: memory, gpus: gpus)
        guard let (station, shortage) = plan.tooLarge(for: [room], "the run may use").first else { return }
        throw ExecutionFailure(
            "the station \(station) \(shortage)", fix: "change its “uses”, or run it on a larger host")
    }
}
