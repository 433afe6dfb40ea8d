internal import Digests
internal import Failures
internal import Files
internal import JSON
internal import Parts
internal import Unpacking

/// What differs between two bundles: packages by name, files by path.
struct BundleDifference {
    struct Change: Sendable {
        let what: String
        /// nil where the first bundle has none: a version, or a size.
        let before: String?
        let after: String?
    }

    struct Image: Sendable {
        /// `the environment “base”`.
        let words: String
        var packages: [Change] = []
        var files: [Change] = []
        /// Of the files, uncompressed.
        var sizes: (before: Int64, after: Int64) = (0, 0)
    }

    /// Those that are not the same.
    let images: [Image]

    init(_ first: BundleContents, _ second: BundleContents) throws {
        var images: [Image] = []
        let names = Set(first.environments.map(\.part.name)).union(second.environments.map(\.part.name))
        let pairs =
            names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { name in
                (
                    first.environments.first { $0.part.name == name },
                    second.environments.first { $0.part.name == name }
                )
            } + [(first.bundle.metro, second.bundle.metro)]
        for (before, after) in pairs where before?.part.digest != after?.part.digest {
            guard let part = (before ?? after)?.part else { continue }
            var image = Image(words: part.words)
            if part.kind == .environment {
                image.packages = Self.changes(
                    before == nil ? [:] : Self.versions(first.packages(of: part.name)),
                    after == nil ? [:] : Self.versions(second.packages(of: part.name)))
            }
            let (old, new) = (try before.map(first.listing), try after.map(second.listing))
            image.sizes = (old?.size ?? 0, new?.size ?? 0)
            image.files = try Self.files(old, new)
            images.append(image)
        }
        self.images = images
    }

    private static func versions(_ packages: [BundleContents.Package]) -> [String: String] {
        Dictionary(packages.map { ($0.name, $0.version) }, uniquingKeysWith: { first, _ in first })
    }

    private static func changes(_ before: [String: String], _ after: [String: String]) -> [Change] {
        Set(before.keys).union(after.keys).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.compactMap { name in
            before[name] == after[name] ? nil : Change(what: name, before: before[name], after: after[name])
        }
    }

    /// Folders count only as what is in them.
    private static func files(_ before: ImageListing?, _ after: ImageListing?) throws -> [Change] {
        func named(_ listing: ImageListing?) -> [ExactText: ImageListing.Entry] {
            var named: [ExactText: ImageListing.Entry] = [:]
            for entry in listing?.entries ?? [] where entry.kind != .folder { named[ExactText(entry.path)] = entry }
            return named
        }
        let (old, new) = (named(before), named(after))
        var changes: [ExactText: Change] = [:]
        var alike: [(old: ImageListing.Entry, new: ImageListing.Entry)] = []
        for path in Set(old.keys).union(new.keys) {
            let (one, other) = (old[path], new[path])
            if let one, let other, one.kind == other.kind {
                if case .file = one.kind { alike.append((one, other)) }
                continue
            }
            changes[path] = Change(what: path.string, before: one.map(words), after: other.map(words))
        }
        if let before, let after {
            let (first, second) = (try before.digests(of: alike.map(\.old)), try after.digests(of: alike.map(\.new)))
            for (pair, digests) in zip(alike, zip(first, second)) where digests.0 != digests.1 {
                changes[ExactText(pair.old.path)] = Change(
                    what: pair.old.path, before: words(pair.old), after: words(pair.new) + ", other contents")
            }
        }
        return changes.values.sorted { $0.what.utf8.lexicographicallyPrecedes($1.what.utf8) }
    }

    private static func words(_ entry: ImageListing.Entry) -> String {
        switch entry.kind {
        case .file(let size): Amounts.bytes(size)
        case .folder: "a folder"
        case .link(let target): "a link to \(Shown.text(target))"
        }
    }
}
