package import Digests

/// What a bundle is made of, addressed by digest.
package struct Part: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable {
        case runtime, environment, metro
    }

    package let kind: Kind
    /// For an environment its `EnvironmentID`, for the metro its name, for the runtime "".
    package let name: String
    package let size: Int64
    /// The digest of the list of extents.
    package let digest: Digest

    package init(kind: Kind, name: String, size: Int64, digest: Digest) {
        (self.kind, self.name, self.size, self.digest) = (kind, name, size, digest)
    }
}

/// A run of bytes of a part, cut at block and layer borders, with the digest of those bytes.
package struct Extent: Hashable, Sendable {
    package let length: Int64
    package let digest: Digest

    package init(length: Int64, digest: Digest) { (self.length, self.digest) = (length, digest) }
}
