/// What one task takes of its host.
package struct Resources: Hashable, Sendable, Codable {
    package var cpus: Int
    /// Bytes; nil where the metro says nothing.
    package var memory: Int64?
    package var gpus: Int
    /// Seconds a task may run; nil for as long as it takes.
    package var time: Double?

    package init(cpus: Int = 1, memory: Int64? = nil, gpus: Int = 0, time: Double? = nil) {
        (self.cpus, self.memory, self.gpus, self.time) = (cpus, memory, gpus, time)
    }
}
