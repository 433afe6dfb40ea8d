package import Files

/// Where the bytes of a root file system's files lie, for who looks into them before there is an image: links are followed
/// as they would be below that root.
package struct FileLocations: Sendable {
    private let layers: [Layer]
    private let entries: [MergedEntry]

    /// - Parameter merged: what `tree.merged()` gave.
    package init(_ tree: LayeredTree, merged: [MergedEntry]) { (layers, entries) = (tree.layers, merged) }

    /// - Parameter path: absolute.
    /// - Returns: for a file where it lies, for a folder where the files in it lie; empty when nothing is there.
    package func locations(of path: String) -> [String] {
        var links: [[String]] = []
        guard let real = resolved(path.pathNames, from: [], links: &links) else { return [] }
        if let found = place(of: real), let location = location(of: entries[found]) { return [location] }
        let above = Array((real.joined(separator: "/") + "/").utf8)
        let start = real.isEmpty ? 0 : firstPlace { $0.lexicographicallyPrecedes(above) }
        return entries[start...].prefix { real.isEmpty || $0.path.string.utf8.starts(with: above) }
            .compactMap(location)
    }

    /// - Parameter path: absolute.
    /// - Returns: what has to be there for it to be read: the links on the way, and what they lead to.
    package func steps(to path: String) -> [RelativePath] {
        var links: [[String]] = []
        let real = resolved(path.pathNames, from: [], links: &links)
        return (links + (real.map { [$0] } ?? [])).compactMap { RelativePath($0.joined(separator: "/")) }
    }

    /// The names of a path with all links followed; nil where they lead nowhere, or in a circle.
    private func resolved(_ names: [String], from folder: [String], links: inout [[String]]) -> [String]? {
        var here = folder
        for (number, name) in names.enumerated() {
            if name == "." { continue }
            if name == ".." {
                _ = here.popLast()
                continue
            }
            here.append(name)
            guard let found = place(of: here) else { return nil }
            guard case .link(let target) = entries[found].entry.kind else { continue }
            links.append(here)
            if links.count > 40 { return nil }
            let from = target.begins(with: "/") ? [] : Array(here.dropLast())
            guard let next = resolved(target.pathNames, from: from, links: &links) else { return nil }
            return resolved(Array(names[(number + 1)...]), from: next, links: &links)
        }
        return here
    }

    private func place(of names: [String]) -> Int? {
        let path = Array(names.joined(separator: "/").utf8)
        let place = firstPlace { $0.lexicographicallyPrecedes(path) }
        return place < entries.count && entries[place].path.string.utf8.elementsEqual(path) ? place : nil
    }

    private func firstPlace(_ isBefore: (String.UTF8View) -> Bool) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(entries[middle].path.string.utf8) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func location(of found: MergedEntry) -> String? {
        switch found.entry.kind {
        case .file, .hardLink: "\(layers[found.layer].tree)/\(found.path)"
        case .folder, .link, .removed: nil
        }
    }
}
