package import Digests

/// A part of a root file system, made once and kept in LASH: `layers/DIGEST/tree` with the files, and
/// `layers/DIGEST/entries` with the list of all entries.
package struct Layer: Sendable {
    /// Of all that made it: sources, builder, versions. Not of its bytes.
    package let digest: Digest
    /// For people: `samtools 1.16.1-1`, `configuration`.
    package let name: String
    /// The folder that holds the files, at the entries' paths.
    package let tree: String
    /// Sorted by path, bytewise; a folder before what is in it.
    package let entries: [LayerEntry]
    /// Whether this process has made it, so that its files need not be looked at again.
    package let isFresh: Bool

    package init(digest: Digest, name: String, tree: String, entries: [LayerEntry], isFresh: Bool = false) {
        (self.digest, self.name, self.tree, self.entries) = (digest, name, tree, entries)
        self.isFresh = isFresh
    }
}

/// A root file system as layers, the lowest first; where two have the same path, the higher one counts.
package struct LayeredTree: Sendable {
    package let layers: [Layer]

    package init(layers: [Layer]) { self.layers = layers }
}
