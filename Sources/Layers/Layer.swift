package import Digests

/// A part of a root file system, made once and kept in LASH: `layers/DIGEST/tree` with the files, and
/// `layers/DIGEST/entries` with the list of all entries.
package struct Layer: Sendable {
    /// Of all that made it: sources, builder, versions. Not of its bytes.
    package let digest: Digest
    /// What images know it by: `digest`, unless they do without some of its files.
    package let imageDigest: Digest
    /// For people: `samtools 1.16.1-1`, `configuration`.
    package let name: String
    /// The folder that holds the files, at the entries' paths.
    package let tree: String
    /// Sorted by path, bytewise; a folder before what is in it.
    package let entries: [LayerEntry]
    /// Whether this process has made it, so that its files need not be looked at again.
    package let isFresh: Bool

    package init(digest: Digest, name: String, tree: String, entries: [LayerEntry], isFresh: Bool = false) {
        (self.digest, imageDigest, self.name, self.tree) = (digest, digest, name, tree)
        (self.entries, self.isFresh) = (entries, isFresh)
    }

    /// The same layer as an image has it.
    init(_ whole: Layer, imageDigest: Digest, entries: [LayerEntry]) {
        (digest, self.imageDigest, name, tree) = (whole.digest, imageDigest, whole.name, whole.tree)
        (self.entries, isFresh) = (entries, whole.isFresh)
    }
}

/// A root file system as layers, the lowest first; where two have the same path, the higher one counts.
package struct LayeredTree: Sendable {
    package let layers: [Layer]

    package init(layers: [Layer]) { self.layers = layers }
}
