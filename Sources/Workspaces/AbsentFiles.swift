internal import Files
internal import Threads

/// Files of a workspace that are known on this machine and do not lie there, for who shows them: any thread may ask, whatever is done in
/// the folder meanwhile.
///
/// A file is told here before it leaves the folder, and still for a moment after it has come: so it is always at one of the two places.
final class AbsentFiles: Sendable {
    /// What is known of one.
    struct File: Hashable, Sendable {
        let size: Int64
        let mode: UInt32
        /// Nanoseconds since 1970.
        let modified: Int64
    }

    private struct State {
        var files: [RelativePath: File] = [:]
        /// Their names, by the folders that they are to lie in; nil for the workspace itself.
        var names: [RelativePath?: Set<String>] = [:]
        var listeners: [Int: @Sendable () -> Void] = [:]
        var next = 0
        /// When something of the workspace came from another machine, in seconds of the clock that never goes back.
        var heard = Clock.monotonic
    }

    private let state = Monitor(State())

    subscript(path: RelativePath) -> File? { state.change { $0.files[path] } }

    /// Those that are to lie right in a folder.
    func names(in folder: RelativePath?) -> Set<String> { state.change { $0.names[folder] ?? [] } }

    /// A file, or all that are to lie anywhere below a folder.
    func below(_ path: RelativePath) -> [RelativePath] {
        state.change { state in
            if state.files[path] != nil { return [path] }
            var found: [RelativePath] = []
            let start = path.string + "/"
            for file in state.files.keys where file.string.utf8.starts(with: start.utf8) { found.append(file) }
            return found.sorted()
        }
    }

    /// It is known and not here, or that is over: nil.
    func set(_ file: File?, at path: RelativePath) {
        let told = state.change { state -> [@Sendable () -> Void] in
            let before = state.files[path]
            state.files[path] = file
            if (before == nil) != (file == nil) {
                if file != nil {
                    state.names[path.parent, default: []].insert(path.name)
                } else {
                    state.names[path.parent]?.remove(path.name)
                    if state.names[path.parent]?.isEmpty ?? false { state.names[path.parent] = nil }
                }
            }
            return file == nil && before != nil ? Array(state.listeners.values) : []
        }
        told.forEach { $0() }
    }

    /// Has somebody hear, on any thread, that a file is no longer among them.
    func listen(_ body: @escaping @Sendable () -> Void) -> Int {
        state.change { state in
            state.next += 1
            state.listeners[state.next] = body
            return state.next
        }
    }
    func forget(_ listener: Int) { state.change { $0.listeners[listener] = nil } }

    func hears() { state.change { $0.heard = Clock.monotonic } }
    var heard: Double { state.change(\.heard) }
}
