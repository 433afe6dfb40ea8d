internal import Digests
internal import Failures
internal import Files
internal import Metro
internal import Plan
internal import Workspaces

/// The workspaces of a run over several hosts, on one of its machines: the head has all that any of the hosts has, and each host what the
/// tasks use that it was given.
final class RunShares: Sendable {
    private let shares: [String: Share]
    /// Those of which each file is to lie on so many machines, the head among them, whoever has tasks of them.
    let copied: [(name: String, copies: Int)]

    init(_ shares: [String: Share], copied: [(name: String, copies: Int)] = []) {
        (self.shares, self.copied) = (shares, copied)
    }

    /// - Parameters:
    ///   - metro: where the metro's image is reached.
    ///   - host: what this machine is called in them.
    ///   - watches: whether tasks run on this machine.
    convenience init(_ plan: Plan, run: RunFolder, metro: String, host: String, watches: Bool) throws {
        let workspaces = RunWorkspaces(run)
        try workspaces.fill(plan, from: metro)
        var shares: [String: Share] = [:]
        for workspace in plan.workspaces where workspace.shared == nil {
            guard let files = workspaces.files(of: workspace.name) else { continue }
            shares[workspace.name] = try Share(
                File.parent(of: files), host: host, rule: workspace.rule, first: true, watches: watches,
                isPartial: workspace.isPartial, limit: workspace.limit, copies: workspace.copies,
                placesLater: !watches)
        }
        self.init(
            shares,
            copied: plan.workspaces.filter { $0.copies > 1 && $0.shared == nil }.map { ($0.name, $0.copies) })
    }

    /// A host is lost, or is not used any more: what it has does not count, and what it held others hold.
    func lose(_ host: String) { for share in shares.values { share.lose(host) } }

    func share(_ name: String) throws(ExecutionFailure) -> Share {
        guard let share = shares[name] else {
            throw ExecutionFailure("the run has no workspace “\(Shown.text(name))”", exitCode: .integrity)
        }
        return share
    }

    /// What a task did in its workspaces is known when this returns: nothing of it runs any more.
    func look(after task: PlannedTask) throws {
        for mount in task.workspaces where !mount.isReadOnly && !mount.isShared {
            try share(mount.name).look(settled: true)
        }
    }

    /// What a task needs of its workspaces is asked for, where that was not done yet; a connection's `isInStep` tells when it has come.
    ///
    /// - Parameter canShow: what it does not say can come when it is opened.
    func need(_ task: PlannedTask, _ id: Digest, canShow: () -> Bool) throws {
        for mount in task.workspaces where !mount.isShared {
            let needs = mount.isOpened ? canShow() ? mount.needs ?? [] : nil : mount.needs
            let globs = needs?.map { Glob($0) }
            try share(mount.name).need(id.hex) { path in globs.map { mount.needs($0, path) } ?? true }
        }
    }

    /// It needs nothing any more.
    func release(_ task: PlannedTask, _ id: Digest) {
        for mount in task.workspaces where !mount.isShared { try? share(mount.name).release(id.hex) }
    }

    /// Files that are kept beside others since this was asked last, with the workspaces that hold them.
    ///
    /// - Parameter isQuick: only where something was heard since then of a name with several versions.
    func newCollisions(isQuick: Bool = false) -> [Collision] {
        shares.sorted { $0.key < $1.key }.flatMap { name, share in
            share.newCollisions(isQuick: isQuick).map {
                Collision(workspace: name, file: $0, isStop: share.rule == .stop)
            }
        }
    }

    struct Collision: Sendable {
        let workspace: String
        /// The one that is kept beside.
        let file: RelativePath
        /// Whether the run is to end.
        let isStop: Bool
    }

    func end() { for share in shares.values { share.end() } }
}

extension PlannedWorkspace {
    var rule: CollisionRule { onCollision.flatMap(CollisionRule.init) ?? .keepBoth }
}
