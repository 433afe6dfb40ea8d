internal import Files
internal import Glibc
internal import Threads

/// Removes what tasks made and nothing needs any more, in a thread of its own: large trees take their time.
///
/// The disk has the journal before: also a machine that goes down loses nothing that its journal does not say.
///
/// Of what is kept for other runs only the run's names go; it takes room as long as the disk has it, and goes as soon as the disk gets
/// full, what was used the longest time ago first.
final class Freeing: Sendable {
    private struct State: Sendable {
        var folders: [String] = []
        var isEnding = false
    }

    private let state = Monitor(State())
    private let thread = Monitor<OwnThread?>(nil)
    private let run: RunFolder
    private let journal: Int32
    private let store: TaskStore

    init(_ run: RunFolder, _ journal: Journal, _ store: TaskStore) {
        (self.run, self.journal, self.store) = (run, journal.file, store)
    }

    /// - Parameter folders: below `made`.
    func add(_ folders: [String]) {
        if folders.isEmpty { return }
        state.change { $0.folders += folders }
        thread.change { thread in
            // Most runs have nothing to do for it.
            if thread == nil { thread = try? OwnThread { [self] in work() } }
        }
    }

    /// Waits until all is removed.
    func end() {
        state.change { $0.isEnding = true }
        let last = thread.change { thread in
            defer { thread = nil }
            return thread
        }
        last?.join()
    }

    private func work() {
        while true {
            let (folders, isEnding) = state.await { state -> ([String], Bool)? in
                if state.folders.isEmpty, !state.isEnding { return nil }
                defer { state.folders = [] }
                return (state.folders, state.isEnding)
            }
            if !folders.isEmpty { fdatasync(journal) }
            // What can't be removed now is removed with the run.
            for folder in folders { try? Folder.remove("\(run.made)/\(folder)") }
            if !folders.isEmpty { store.prune(onlyWhereFull: true) }
            if folders.isEmpty, isEnding { return }
        }
    }
}
