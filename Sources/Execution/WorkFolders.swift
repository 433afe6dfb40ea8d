internal import Files
internal import Glibc
internal import Threads

/// Folders in which tasks work, each with `task` and `tmp`. One that a task leaves empty is the next one's: to make and remove
/// three folders costs a small task more than all else that is done for it.
final class WorkFolders: Sendable {
    private let path: String
    private let state = Monitor((free: [String](), made: 0))

    /// - Parameter path: the run's `tasks`.
    init(_ path: String) { self.path = path }

    /// An empty one.
    func take() throws(FileFailure) -> String {
        if let free = state.change({ $0.free.popLast() }) { return free }
        return try make()
    }

    /// Makes one, for who takes one next.
    func prepare() {
        if let folder = try? make() { state.change { $0.free.append(folder) } }
    }

    private func make() throws(FileFailure) -> String {
        let number = state.change { state in
            state.made += 1
            return state.made
        }
        let folder = "\(path)/\(number)"
        try Folder.make(folder)
        try Folder.make(folder + "/task")
        try Folder.make(folder + "/tmp")
        chmod(folder + "/tmp", 0o1777)
        return folder
    }

    /// Gives one back, when nothing runs in it any more. What is left there, half-made outputs, temporary files, is nobody's.
    func give(_ folder: String) {
        if folder.isEmpty { return }
        if Self.isAsNew(folder) {
            state.change { $0.free.append(folder) }
        } else {
            try? Folder.remove(folder)
        }
    }

    /// Empties one that is shown to a sandbox that stays, so that its folders must stay too.
    /// - Returns: whether it is as new.
    static func renew(_ folder: String) -> Bool {
        if isAsNew(folder) { return true }
        for name in ["task", "tmp"] {
            let place = "\(folder)/\(name)"
            chmod(place, name == "tmp" ? 0o1777 : 0o755)
            do { try Folder.empty(place) } catch { return false }
        }
        for name in (try? Folder.names(in: folder)) ?? [] where name != "task" && name != "tmp" {
            try? Folder.remove("\(folder)/\(name)")
        }
        return isAsNew(folder)
    }

    private static func isAsNew(_ folder: String) -> Bool {
        guard File.status(folder + "/task")?.mode == 0o755, File.status(folder + "/tmp")?.mode == 0o1777,
            let inside = try? Folder.names(in: folder), inside == ["task", "tmp"]
        else { return false }
        return ["task", "tmp"].allSatisfy {
            ((try? Folder.names(in: "\(folder)/\($0)"))?.isEmpty ?? false) && !File.hasAttributes("\(folder)/\($0)")
        }
    }
}
