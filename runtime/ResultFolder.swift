internal import Files
internal import Glibc

/// The folder that a person finds the results in. Each station's folder appears whole.
struct ResultFolder {
    private let path: String

    init(_ path: String) { self.path = path }

    /// Copies the stations' folders; an earlier run's of the same name are replaced.
    /// - Returns: how many files there are.
    func take(from results: String) throws -> Int {
        let stations = try Folder.names(in: results)
        if stations.isEmpty { return 0 }
        let beside = try Folder.makeTemporary(in: path, named: ".new")
        defer { try? Folder.remove(beside) }
        chmod(beside, 0o755)
        var count = 0
        for station in stations {
            try copy(results + "/" + station, to: beside + "/" + station, count: &count)
            let place = path + "/" + station
            try Folder.remove(place)
            try File.rename(beside + "/" + station, to: place)
        }
        return count
    }

    private func copy(_ from: String, to place: String, count: inout Int) throws {
        guard let status = File.status(from) else { return }
        switch status.kind {
        case .folder:
            try Folder.make(place)
            for name in try Folder.names(in: from) {
                try copy(from + "/" + name, to: place + "/" + name, count: &count)
            }
        case .file:
            try File.copy(from, to: place, mode: status.mode & 0o100 != 0 ? 0o755 : 0o644)
            count += 1
        case .link, .other: return
        }
    }
}
