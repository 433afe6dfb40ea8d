internal import Failures
internal import Files
internal import HostProtocol
internal import Threads

/// Which hosts have written which files of workspaces that are a folder which all machines see: two that wrote one file while tasks of both
/// ran are found. There is one file only, and nobody knows whose bytes it has.
struct SharedWriters {
    private struct Span {
        let host: Int
        let fileSystem: String
        let began: Double
        let ended: Double
    }

    private struct Place: Hashable {
        let workspace: String
        let path: RelativePath
    }

    private var spans: [Place: [Span]] = [:]
    private var told: Set<Place> = []

    /// A task has ended that wrote there.
    ///
    /// - Parameters:
    ///   - began: when it began, by a clock of the machine that leads the run.
    ///   - ended: when it ended, no later than anything begins that waits for it.
    /// - Returns: files that another host wrote while this one's task ran, each with that host; every one once in a run.
    mutating func add(
        _ written: WrittenFiles, by host: Int, began: Double, ended: Double
    ) -> [(path: RelativePath, other: Int)] {
        let span = Span(host: host, fileSystem: written.fileSystem, began: began, ended: ended)
        var found: [(path: RelativePath, other: Int)] = []
        for path in written.paths {
            let place = Place(workspace: written.workspace, path: path)
            // Of hosts that are one machine nobody can tell which one wrote.
            let other = spans[place, default: []].first {
                $0.host != host && $0.fileSystem != span.fileSystem && $0.began < ended && began < $0.ended
            }
            if let other, told.insert(place).inserted { found.append((path, other.host)) }
            spans[place, default: []].append(span)
        }
        return found
    }
}

extension LeaseBoard {
    /// A task has ended that wrote into folders that all machines see. The host is not believed more than its task could do.
    func wrote(_ written: [WrittenFiles], by order: Order, on host: Int, seconds: Double) {
        let now = Clock.monotonic
        state.change { state in
            let length = seconds.isFinite ? max(0, seconds) : 0
            let began = min(state.begun[order.id] ?? now, now - length)
            let ended = min(now, began + length)
            for one in written {
                guard
                    order.task.workspaces.contains(where: { $0.name == one.workspace && $0.isShared && !$0.isReadOnly })
                else { continue }
                for (path, other) in state.writers.add(one, by: host, began: began, ended: ended) {
                    let names = [other, host].sorted().map { state.hosts[$0].member.name }
                    state.note(
                        "\(names[0]) and \(names[1]) both wrote \(Shown.text(path.string, atMost: 300)) of the workspace “\(one.workspace)” while tasks of both ran; what was written last is there",
                        RunShares.Collision(workspace: one.workspace, file: path, isStop: false))
                }
            }
        }
    }
}
