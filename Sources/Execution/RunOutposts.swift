internal import Failures
internal import Files
internal import Glibc
package import Metro
internal import Plan
package import Workspaces

/// Has a server's folder spoken to, by who can: the runtime can't.
package typealias ReachesServer = @Sendable (FileServer) throws -> any RemoteFolder

/// The servers that hold files of a run's workspaces, too; the machine that leads the run speaks for them.
final class RunOutposts {
    private var outposts: [Outpost] = []

    /// All that lies on them is here when this returns, and what they lack is there.
    ///
    /// - Parameter signals: readable when the run is to end.
    /// - Throws: where a server can't be used.
    init(_ plan: Plan, _ shares: RunShares, _ board: LeaseBoard, run: RunFolder, signals: Int32) throws {
        let workspaces = plan.workspaces.filter { $0.server != nil }
        if workspaces.isEmpty { return }
        for (number, workspace) in workspaces.enumerated() {
            guard let server = workspace.server else { continue }
            let other = workspaces[..<number].first { !($0.server?.isBeside(server) ?? true) }
            if let other {
                throw ExecutionFailure(
                    "the workspaces “\(other.name)” and “\(workspace.name)” lie in one folder of the FTP server",
                    place: Shown.text(server.address, atMost: 200), fix: "give each a folder of its own",
                    exitCode: .usage)
            }
        }
        do {
            for workspace in workspaces {
                guard let server = workspace.server, let reach = board.reachesServer,
                    let files = RunWorkspaces(run).files(of: workspace.name)
                else { throw Self.notLed(workspace) }
                let writes =
                    !workspace.files.isEmpty
                    || plan.stations.contains { station in
                        station.workspaces.contains { $0.name == workspace.name && !$0.isReadOnly }
                    }
                let outpost = try Outpost(
                    try shares.share(workspace.name), try Self.telling(workspace) { try reach(server) },
                    in: File.parent(of: files), run: Self.name(of: run), writes: writes,
                    .init(
                        note: { [board] text in board.tell("workspace “\(workspace.name)”: \(text)") },
                        entered: { [board] in board.tellCollisions() },
                        isCancelled: {
                            var descriptor = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
                            return poll(&descriptor, 1, 0) > 0
                        }))
                outposts.append(outpost)
                try Self.telling(workspace) { try outpost.begin() }
            }
        } catch {
            end()
            throw error
        }
    }

    /// A machine that leads nothing can't do it.
    static func notLed(_ workspace: PlannedWorkspace) -> ExecutionFailure {
        ExecutionFailure(
            "the workspace “\(workspace.name)” lies on an FTP server (“via: ftp”), and las does not lead this run",
            cause:
                "the machine that leads a run speaks with the server, and a bundle by itself, Slurm and Kubernetes don't",
            fix: "las run METRO, or las deploy METRO --host NAME", exitCode: .usage)
    }

    private static func telling<Value>(_ workspace: PlannedWorkspace, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let failure as any Failure {
            throw ExecutionFailure(
                "workspace “\(workspace.name)”: \(failure.summary)", place: failure.place, cause: failure.cause,
                fix: failure.fix, exitCode: failure.exitCode)
        } catch let trouble as RemoteTrouble {
            throw ExecutionFailure(
                "workspace “\(workspace.name)”: \(trouble.summary)", cause: trouble.cause, fix: trouble.fix)
        }
    }

    /// A part of a file's name there.
    private static func name(of run: RunFolder) -> String {
        String(decoding: File.name(of: run.path).utf8.suffix(60), as: UTF8.self)
    }

    /// Puts there what the run has left.
    ///
    /// - Parameter isOver: the run has failed or was cancelled, and is not held up by it.
    /// - Throws: where a server does not have all of it.
    func finish(isOver: Bool) throws {
        var failure: (any Error)?
        for outpost in outposts {
            do { try outpost.finish(patience: isOver ? 5 : 60) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    func end() {
        for outpost in outposts { outpost.end() }
        outposts = []
    }
}
