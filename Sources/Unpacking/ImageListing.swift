package import Digests
package import Files

/// What an image holds, by path, without unpacking it.
package struct ImageListing: Sendable {
    package struct Entry: Sendable {
        package enum Kind: Sendable, Equatable {
            case file(size: Int64)
            case folder
            case link(target: String)
        }

        package let path: String
        package let kind: Kind
        package let mode: UInt32
        package let attributes: [FileAttribute]
        fileprivate let data: Inode.FileData?
    }

    /// Sorted by path, bytewise; without the root.
    package let entries: [Entry]
    private let image: Image

    private static let mostEntries = 1 << 24

    package init(_ reader: ImageReader) throws(UnpackFailure) {
        image = reader.image
        let metadata = try MetadataReader(image)
        var entries: [Entry] = []
        var seen: Set<UInt64> = [image.rootInode]
        var pending: [(path: String, reference: UInt64)] = [("", image.rootInode)]
        while let (above, reference) = pending.popLast() {
            guard case .folder(let listing, let size) = try metadata.inode(reference).kind else {
                throw .damaged("its root is no folder", in: image.path)
            }
            for found in try metadata.list(listing, size: size) {
                guard entries.count < Self.mostEntries else {
                    throw .damaged("it holds too many files", in: image.path)
                }
                let name = String(decoding: found.name, as: UTF8.self)
                let path = above.isEmpty ? name : "\(above)/\(name)"
                guard path.utf8.count < 4096 else {
                    throw .damaged("its folders are nested too deep", in: image.path)
                }
                let inode = try metadata.inode(found.reference)
                let attributes = try metadata.attributes(of: inode)
                func add(_ kind: Entry.Kind, _ data: Inode.FileData? = nil) {
                    entries.append(
                        Entry(path: path, kind: kind, mode: inode.mode, attributes: attributes, data: data))
                }
                switch inode.kind {
                case .folder:
                    guard seen.insert(found.reference).inserted else {
                        throw .damaged("a folder is in itself or in two places", in: image.path)
                    }
                    pending.append((path, found.reference))
                    add(.folder)
                case .link(let target): add(.link(target: String(decoding: target, as: UTF8.self)))
                case .file(let data): add(.file(size: data.size), data)
                }
            }
        }
        self.entries = entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// The sum of the files.
    package var size: Int64 {
        entries.reduce(0) { sum, entry in if case .file(let size) = entry.kind { sum + size } else { sum } }
    }

    /// Reads and hashes files; nil for what is none.
    package func digests(of wanted: [Entry]) throws(UnpackFailure) -> [Digest?] {
        let reader = try FileReader(image, fragments: try image.fragments(try MetadataReader(image)))
        var digests: [Digest?] = []
        for entry in wanted {
            guard let data = entry.data else {
                digests.append(nil)
                continue
            }
            var hasher = SHA256()
            var position: Int64 = 0
            func skip(to offset: Int64) {
                while position < offset {
                    let count = Int(min(offset - position, 1 << 20))
                    hasher.update([UInt8](repeating: 0, count: count))
                    position += Int64(count)
                }
            }
            try reader.read(data) { (offset, block) throws(UnpackFailure) in
                skip(to: offset)
                hasher.update(block)
                position += Int64(block.count)
            }
            skip(to: data.size)
            digests.append(hasher.digest())
        }
        return digests
    }
}
