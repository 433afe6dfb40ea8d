package import Digests
package import Files

/// What an image is made of when rules have left something out, and what that was.
package struct SlimmedTree: Sendable {
    package let tree: LayeredTree
    /// Of each rule that left something out, in their order.
    package let leftOut: [LeftOut]

    package struct LeftOut: Hashable, Sendable, Codable {
        package let rule: String
        package let files: Int
        package let bytes: Int64
    }
}

extension LayeredTree {
    /// The same root without what the rules leave out. Where a layer has nothing of the kind it stays the same one, and its
    /// blocks are those of images that are not slimmed.
    ///
    /// - Parameters:
    ///   - kept: files and folders that stay, with all that lies below them.
    ///   - asked: layers that somebody asked for by name: one that is nothing but what is left out stays whole.
    package func slimmed(
        by rules: SlimRules = .standard, keeping kept: [RelativePath] = [], asked: Set<Digest> = []
    ) -> SlimmedTree {
        let holding = rules.holding(in: layers)
        let kept = Set(kept)
        var (files, bytes): ([String: Int], [String: Int64]) = ([:], [:])
        let slim = layers.map { layer in
            let slimming = Slimming(layer, holding, kept)
            if slimming.leftOut.isEmpty || asked.contains(layer.digest) && slimming.leavesNothing { return layer }
            for (entry, rule) in slimming.leftOut where entry.kind != .folder {
                files[rule, default: 0] += 1
                if case .file(let size) = entry.kind { bytes[rule, default: 0] += size }
            }
            return slimming.layer
        }
        return SlimmedTree(
            tree: LayeredTree(layers: slim),
            leftOut: holding.rules.compactMap { rule in
                files[rule.name].map { .init(rule: rule.name, files: $0, bytes: bytes[rule.name] ?? 0) }
            })
    }
}

/// One layer without what rules leave out.
private struct Slimming {
    /// With the name of the rule.
    private(set) var leftOut: [(entry: LayerEntry, rule: String)] = []
    private let whole: Layer
    private let entries: [LayerEntry]

    init(_ layer: Layer, _ rules: SlimRules, _ kept: Set<RelativePath>) {
        whole = layer
        var matched: [RelativePath: String] = [:]
        for entry in layer.entries where entry.kind != .removed {
            if let rule = rules.rule(for: entry.path), !Self.isKept(entry.path, kept) {
                matched[entry.path] = rule.name
            }
        }
        guard !matched.isEmpty else {
            entries = layer.entries
            return
        }
        // A folder of something that stays does so too.
        for entry in layer.entries where matched[entry.path] == nil {
            var path = entry.path
            while let above = path.parent, matched.removeValue(forKey: above) != nil { path = above }
        }
        for entry in layer.entries { if let rule = matched[entry.path] { leftOut.append((entry, rule)) } }
        entries = Self.withWholeHardLinks(layer.entries, without: matched)
    }

    private static func isKept(_ path: RelativePath, _ kept: Set<RelativePath>) -> Bool {
        guard !kept.isEmpty else { return false }
        var path: RelativePath? = path
        while let here = path {
            if kept.contains(here) { return true }
            path = here.parent
        }
        return false
    }

    /// Where the file of hard links is left out, the first of them that stays becomes the file.
    private static func withWholeHardLinks(
        _ entries: [LayerEntry], without: [RelativePath: String]
    ) -> [LayerEntry] {
        var sizes: [RelativePath: Int64] = [:]
        var became: [RelativePath: RelativePath] = [:]
        var rest: [LayerEntry] = []
        for entry in entries {
            if without[entry.path] != nil {
                if case .file(let size) = entry.kind { sizes[entry.path] = size }
                continue
            }
            guard case .hardLink(let file) = entry.kind, let size = sizes[file] else {
                rest.append(entry)
                continue
            }
            let kind: LayerEntry.Kind
            if let other = became[file] {
                kind = .hardLink(to: other)
            } else {
                became[file] = entry.path
                kind = .file(size: size)
            }
            rest.append(entry.with(kind))
        }
        return rest
    }

    /// Whether nothing stays but folders, links, records of the package and its licence.
    var leavesNothing: Bool {
        !entries.contains { entry in
            guard case .file = entry.kind else { return false }
            return !entry.path.string.begins(with: "usr/share/doc/") && !entry.path.string.begins(with: "var/lib/dpkg/")
        }
    }

    /// Images know it by what it is made from, and by what it lacks.
    var layer: Layer {
        var hasher = SHA256()
        hasher.update("las: slimmed layer\n\(whole.digest)\n")
        for (entry, _) in leftOut { hasher.update(entry.path.string + "\0") }
        return Layer(whole, imageDigest: hasher.digest(), entries: entries)
    }
}
