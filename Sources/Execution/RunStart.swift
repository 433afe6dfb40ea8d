package import Digests
internal import Failures
package import HostProtocol

/// An image, as a file of its own or as a slice of a bundle.
package struct ImageLocation: Hashable, Sendable, Codable {
    package let path: String
    package let offset: Int64
    package let size: Int64
    /// Of the part.
    package let digest: Digest

    package init(path: String, offset: Int64, size: Int64, digest: Digest) {
        (self.path, self.offset, self.size, self.digest) = (path, offset, size, digest)
    }
}

/// How the runtime reaches the images.
package enum Engine: String, Hashable, Sendable, Codable, CaseIterable {
    /// Mounted by the kernel.
    case kernel
    /// Mounted by FUSE, served by the runtime.
    case fuse
    /// Unpacked once into LASH.
    case extraction
    /// Unpacked, and shown to tasks by PRoot, where there are no namespaces.
    case proot
    /// The root of the container that the runtime is in.
    case container

    /// One that a person may ask for by name.
    package static func asked(_ name: String) throws(ExecutionFailure) -> Engine {
        // As the verb it is understood too.
        if name == "extract" { return .extraction }
        guard let engine = Engine(rawValue: name) else {
            let names = allCases.map(\.rawValue)
            throw ExecutionFailure(
                "there is no engine “\(Shown.text(name))”",
                fix: Suggestion.nearest(to: name, among: names).map { "did you mean \($0)?" }
                    ?? "there are: \(names.joined(separator: ", "))", exitCode: .usage)
        }
        return engine
    }
}

/// How a run was started: all that it is made from.
package struct RunStart: Hashable, Sendable, Codable {
    package var run: RunID
    package var metro: ImageLocation
    /// By the environment's name.
    package var environments: [String: ImageLocation]
    /// nil for all of the host's.
    package var cpus: Int?
    /// nil for the best.
    package var engine: Engine?
    /// Where the metro was not packed with this LASH: its digest is a part of what its tasks are known by, so that nothing that it
    /// makes is taken for what another metro's task would make. nil for no.
    package var isStranger: Bool?
    /// Whether someone whom this LASH trusts had signed it when it began: the kernel itself reads no unsigned images of a stranger.
    /// nil for no.
    package var isSigned: Bool?
    /// `--sandbox off`: tasks are not kept apart, since the person who started it said so. nil for no.
    package var isUnsandboxed: Bool?
    /// `--fresh`: nothing is taken from earlier runs. nil for no.
    package var isFresh: Bool?
    /// `--fail-fast`: a failure ends the run. nil for no.
    package var failsFast: Bool?
    /// What tasks made stays in the run's folder until its end, also when nothing of the run needs it any more: someone takes it from
    /// there. nil for no.
    package var keepsMade: Bool?
    /// Where the person wants the results, an absolute path of the machine that it was started from: for who resumes it.
    package var results: String?
    /// The labels of the host that it is on, of the list of who started it; nil for none.
    package var labels: [String]?
    /// Who runs its steps; nil for this machine.
    package var cluster: ClusterStart?

    package init(
        run: RunID, metro: ImageLocation, environments: [String: ImageLocation], cpus: Int? = nil,
        engine: Engine? = nil, isFresh: Bool = false, failsFast: Bool = false, results: String? = nil,
        isStranger: Bool = false, isSigned: Bool = false, cluster: ClusterStart? = nil
    ) {
        self.cluster = cluster
        (self.isStranger, self.isSigned) = (isStranger ? true : nil, isSigned ? true : nil)
        (self.run, self.metro, self.environments) = (run, metro, environments)
        (self.cpus, self.engine, self.isFresh) = (cpus, engine, isFresh ? true : nil)
        (self.failsFast, self.results) = (failsFast ? true : nil, results)
    }
}
