package import Digests
package import Files

/// What an archive says about one suite: which indexes it has, by size and digest, and until when that holds.
package struct ReleaseFile: Sendable {
    package struct Item: Hashable, Sendable {
        package let size: Int64
        package let digest: Digest
    }

    /// Seconds since 1970.
    package let date: Int64?
    package let validUntil: Int64?
    package let suite: String?
    package let codename: String?
    package let architectures: [String]
    /// Nothing of it is taken that nobody asked for.
    package let isByRequest: Bool
    /// Whether indexes lie under their digests too, where they stay when the archive changes.
    package let hasByHash: Bool
    /// The index of the architecture `all` says nothing that the others don't say.
    package let repeatsAll: Bool
    package let items: [RelativePath: Item]

    /// - Parameter text: what was signed.
    package init(_ text: [UInt8], place: String) throws(DepotFailure) {
        guard let release = try ControlText.paragraphs(of: text, place: place).first else {
            throw DepotFailure("the release file is empty", place: place, .integrity)
        }
        date = release["Date"].flatMap(ReleaseDate.seconds)
        validUntil = release["Valid-Until"].flatMap(ReleaseDate.seconds)
        if release["Valid-Until"] != nil, validUntil == nil {
            throw DepotFailure("the release file's Valid-Until is no time", place: place, .integrity)
        }
        (suite, codename) = (release["Suite"], release["Codename"])
        architectures = release.words("Architectures")
        isByRequest = release["NotAutomatic"] == "yes"
        hasByHash = release["Acquire-By-Hash"] == "yes"
        repeatsAll =
            !architectures.contains("all") || release.words("No-Support-for-Architecture-all").contains("Packages")
        var items: [RelativePath: Item] = [:]
        for line in release["SHA256"]?.split(separator: "\n") ?? [] {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count == 3, let digest = Digest(hex: words[0]), let size = Int64(words[1]), size >= 0,
                let path = RelativePath(String(words[2]))
            else { throw DepotFailure("a line of the release file's SHA256 can't be read", place: place, .integrity) }
            items[path] = Item(size: size, digest: digest)
        }
        guard !items.isEmpty else {
            throw DepotFailure(
                "the release file has no SHA-256 digests", place: place,
                fix: "older digests are not safe: ask who runs the archive to add SHA256", .integrity)
        }
        self.items = items
    }

    /// The packages of a component and an architecture in the smallest form that las reads; nil where there are none.
    func packagesIndex(_ component: String?, _ architecture: String) -> (
        path: RelativePath, item: Item, plainSize: Int64?
    )? {
        let plain = (component.map { $0 + "/binary-\(architecture)/" } ?? "") + "Packages"
        for ending in [".xz", ".zst", ".gz", ".bz2", ""] {
            guard let path = RelativePath(plain + ending), let item = items[path] else { continue }
            return (path, item, RelativePath(plain).flatMap { items[$0]?.size })
        }
        return nil
    }
}
