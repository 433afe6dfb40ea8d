internal import CLinux
internal import Files
internal import Glibc
internal import HostProtocol
internal import JSON
internal import Plan

/// What the stations of a run may know, in the memory of the run's process alone.
struct GivenSecrets: Sendable {
    private let values: [String: String]

    static let none = GivenSecrets([:])

    private init(_ values: [String: String]) { self.values = values }

    /// - Parameter value: what a name stands for; nil where it was not given.
    init(for stations: [PlannedStation], _ value: (String) -> String?) throws(ExecutionFailure) {
        var values: [String: String] = [:]
        for station in stations {
            for name in station.secrets where values[name] == nil {
                guard let given = value(name), !given.isEmpty else {
                    throw ExecutionFailure(
                        "the station \(station.id) needs the secret \(name), which was not given",
                        fix: "las secret set \(name), then run it by las; a bundle by itself: \(name)=… ./NAME.las run",
                        exitCode: .usage)
                }
                values[name] = given
            }
        }
        self.values = values
        hide()
    }

    /// No core file, and with 1 none by a pipe either (core(5)).
    private func hide() {
        if values.isEmpty { return }
        var limit = rlimit(rlim_cur: 1, rlim_max: 1)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    }

    /// Those that a host was given for its share of a run.
    init(given values: [String: String]) {
        self.init(values)
        hide()
    }

    /// What the task needs and nobody gave.
    func missing(for task: PlannedTask) -> String? { task.secrets.first { values[$0] == nil } }

    func variables(of task: PlannedTask) -> [String: String] {
        Dictionary(task.secrets.compactMap { name in values[name].map { (name, $0) } }, uniquingKeysWith: { $1 })
    }

    /// What must not be seen in what a task prints.
    func texts(of task: PlannedTask) -> [[UInt8]] {
        // The longer first: one may be the beginning of another one.
        task.secrets.compactMap { values[$0].map { Array($0.utf8) } }.filter { !$0.isEmpty }
            .sorted { $0.count > $1.count }
    }
}

/// Secrets on their way from the process that was sent them to that of the run: in a file that is in memory only, under no name.
package enum PassedSecrets {
    /// - Returns: an open descriptor at its beginning, the caller's to close.
    package static func write(_ secrets: [String: String]) throws -> Int32 {
        let descriptor = las_memory_file()
        guard descriptor >= 0 else { throw ExecutionFailure.system("can't keep secrets in memory") }
        do {
            try File.writeAll(JSONText.encode(secrets), to: descriptor, path: "the secrets of the run")
            lseek(descriptor, 0, SEEK_SET)
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Reads all of it, and closes it.
    package static func take(_ descriptor: Int32) throws -> [String: String] {
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return try JSONText.decode([String: String].self, from: bytes)
    }
}
