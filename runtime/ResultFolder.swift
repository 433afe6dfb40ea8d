internal import Failures
internal import Files
internal import Glibc

/// The folder that a person finds the results in. Each file appears whole, and what las has not made is left alone.
final class ResultFolder {
    private let path: String
    /// Folders with new names in them that the disk may not have yet.
    private var changed: [String] = []

    init(_ path: String) { self.path = path }

    /// Copies the stations' folders; files of the same name are replaced, others stay.
    /// - Returns: how many files there are.
    /// - Throws: before anything is moved, where a folder stands in a file's way, or a file in a folder's.
    func take(from results: String) throws -> Int {
        let stations = try Folder.names(in: results)
        if stations.isEmpty { return 0 }
        let beside = try Folder.makeTemporary(in: path, named: ".new")
        defer { try? Folder.remove(beside) }
        var count = 0
        for station in stations {
            try copy(results + "/" + station, to: beside + "/" + station, count: &count)
        }
        for station in stations { try move(beside + "/" + station, to: path + "/" + station, onlyChecking: true) }
        sync()
        changed = [path]
        for station in stations { try move(beside + "/" + station, to: path + "/" + station, onlyChecking: false) }
        sync()
        return count
    }

    /// The disk has all names when this returns: of many folders at once with all else that waits for it.
    private func sync() {
        if changed.count <= Self.mostFolders { return changed.forEach(Folder.sync) }
        File.syncDisk(of: path)
    }

    private static let mostFolders = 16

    private func move(_ from: String, to place: String, onlyChecking: Bool) throws {
        let isFolder = File.status(from)?.kind == .folder
        if let there = File.status(place, follow: isFolder), (there.kind == .folder) != isFolder {
            throw UsageFailure(
                "the result \(Shown.whole(place)) can't be put there: a \(isFolder ? "file" : "folder") of that name is in the way",
                fix: "move it away, or choose another folder with --results")
        }
        if isFolder {
            if File.status(place) == nil {
                // As a whole: nothing is in its way.
                if !onlyChecking { try File.move(from, to: place) }
                return
            }
            if !onlyChecking { changed.append(place) }
            for name in try Folder.names(in: from) {
                try move(from + "/" + name, to: place + "/" + name, onlyChecking: onlyChecking)
            }
        } else if !onlyChecking {
            try File.move(from, to: place)
        }
    }

    private func copy(_ from: String, to place: String, count: inout Int) throws {
        guard let status = File.status(from) else { return }
        switch status.kind {
        case .folder:
            try Folder.make(place)
            changed.append(place)
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
