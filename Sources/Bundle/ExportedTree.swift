package import Layers

/// What the formats other than a bundle are made of: one environment, and in its `/.las` the metro with the runtime.
package struct ExportedTree: Sendable {
    package let environment: LayeredTree
    /// The runtime among it, at `las-runtime`.
    package let metro: MetroImage
    /// The metro's.
    package let name: String
    /// Which of the metro's environments it is, where it has several.
    package let environmentName: String?

    package init(environment: LayeredTree, metro: MetroImage, name: String, environmentName: String? = nil) {
        (self.environment, self.metro, self.name) = (environment, metro, name)
        self.environmentName = environmentName
    }

    /// All of it; the environment's groups come first, one for each layer.
    func merged() throws(BundleFailure) -> ImageTree {
        var tree = try ImageTree(environment, mountPoints: ImageWriter.mountPoints)
        let metro = try metroTree()
        let first = tree.groups.count
        tree.groups += metro.groups
        for entry in metro.entries where entry.path.string != ".las" {
            var kind = entry.kind
            if case .file(let group, let number) = kind { kind = .file(group: first + group, number: number) }
            tree.entries.append(
                ImageEntry(path: entry.path, kind: kind, mode: entry.mode, modified: Int64(entry.modified)))
        }
        try tree.addFolders()
        return tree
    }

    /// What `/.las` holds, at its paths there.
    func metroTree() throws(BundleFailure) -> ImageTree { try metro.tree(below: ".las") }
}
