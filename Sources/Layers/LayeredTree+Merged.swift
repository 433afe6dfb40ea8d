package import Files

/// What is at a path when all layers lie on top of each other, and the layer that it is from.
package struct MergedEntry: Hashable, Sendable {
    /// Which of `LayeredTree.layers`.
    package let layer: Int
    /// Never `.removed`. A hard link's file is always there too, from the same layer and before it in path order.
    package let entry: LayerEntry

    package var path: RelativePath { entry.path }

    package init(layer: Int, entry: LayerEntry) { (self.layer, self.entry) = (layer, entry) }
}

extension LayeredTree {
    /// The root file system in the order of its paths, bytewise; a folder before what is in it.
    ///
    /// The highest layer that has a path counts. What is no folder, and what is removed, hides all that lower layers have
    /// below its path.
    package func merged() -> [MergedEntry] {
        var all: [MergedEntry] = []
        all.reserveCapacity(layers.reduce(0) { $0 + $1.entries.count })
        for (number, layer) in layers.enumerated() {
            for entry in layer.entries { all.append(MergedEntry(layer: number, entry: entry)) }
        }
        all.sort { $0.path == $1.path ? $0.layer > $1.layer : $0.path < $1.path }

        let hiding = Self.hiding(all)
        var merged: [MergedEntry] = []
        merged.reserveCapacity(all.count)
        var last: RelativePath?
        for found in all where found.path != last {
            last = found.path
            if found.entry.kind != .removed, !Self.isHidden(found, by: hiding) { merged.append(found) }
        }
        return withWholeHardLinks(merged)
    }

    /// The paths that hide what lower layers have below them, each with the highest layer that does so.
    private static func hiding(_ sorted: [MergedEntry]) -> [RelativePath: Int] {
        var hiding: [RelativePath: Int] = [:]
        var start = sorted.startIndex
        while start < sorted.endIndex {
            var end = start + 1
            while end < sorted.endIndex, sorted[end].path == sorted[start].path { end += 1 }
            let group = sorted[start..<end]
            if let highest = group.first(where: { $0.entry.kind != .folder }),
                highest.entry.kind == .removed
                    || group.contains(where: { $0.entry.kind == .folder && $0.layer < highest.layer })
            {
                hiding[highest.path] = highest.layer
            }
            start = end
        }
        return hiding
    }

    private static func isHidden(_ found: MergedEntry, by hiding: [RelativePath: Int]) -> Bool {
        guard !hiding.isEmpty else { return false }
        var below = found.path
        while let above = below.parent {
            if let layer = hiding[above], layer > found.layer { return true }
            below = above
        }
        return false
    }

    /// Where a higher layer hides the file of hard links, the first of them that is seen becomes the file.
    private func withWholeHardLinks(_ merged: [MergedEntry]) -> [MergedEntry] {
        struct Name: Hashable {
            let layer: Int
            let path: RelativePath
        }
        var sought: [Name: RelativePath?] = [:]
        for found in merged {
            if case .hardLink(let file) = found.entry.kind { sought[Name(layer: found.layer, path: file)] = .some(nil) }
        }
        if sought.isEmpty { return merged }
        var sizes: [Name: Int64] = [:]
        for (number, layer) in layers.enumerated() {
            for entry in layer.entries {
                let name = Name(layer: number, path: entry.path)
                if case .file(let size) = entry.kind, sought[name] != nil { sizes[name] = size }
            }
        }
        return merged.map { found in
            switch found.entry.kind {
            case .file:
                let name = Name(layer: found.layer, path: found.path)
                if sought[name] != nil { sought[name] = .some(found.path) }
                return found
            case .hardLink(let file):
                let name = Name(layer: found.layer, path: file)
                if let seen = sought[name] ?? nil { return found.with(.hardLink(to: seen)) }
                sought[name] = .some(found.path)
                return found.with(.file(size: sizes[name] ?? 0))
            default: return found
            }
        }
    }
}

extension MergedEntry {
    fileprivate func with(_ kind: LayerEntry.Kind) -> MergedEntry {
        MergedEntry(layer: layer, entry: entry.with(kind))
    }
}
