package import Digests
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
    /// Unpacked once into LASH.
    case extraction
    /// The root of the container that the runtime is in.
    case container

    /// One that a person may ask for by name.
    package static func asked(_ name: String) -> Engine? { name == container.rawValue ? nil : Engine(rawValue: name) }
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
    /// `--fresh`: nothing is taken from earlier runs. nil for no.
    package var isFresh: Bool?

    package init(
        run: RunID, metro: ImageLocation, environments: [String: ImageLocation], cpus: Int? = nil,
        engine: Engine? = nil, isFresh: Bool = false
    ) {
        (self.run, self.metro, self.environments) = (run, metro, environments)
        (self.cpus, self.engine, self.isFresh) = (cpus, engine, isFresh ? true : nil)
    }
}
