internal import Files
internal import JSON

/// Where the bytes of a part lie that is no file of its own: ranges of files in LASH, one after another.
///
/// An image is made of the blocks of its layers, which are kept once for all images, and of tables of its own; so making it
/// copies nothing. Its digest is that of its extents, whose digests are checked by whoever reads them.
package struct PartPieces: Sendable, Hashable, Codable {
    package struct Piece: Sendable, Hashable, Codable {
        /// Below LASH; nil for the part's own file, `parts/DIGEST.own`.
        package let file: String?
        package let offset: Int64
        package let length: Int64

        package init(file: String?, offset: Int64, length: Int64) {
            (self.file, self.offset, self.length) = (file, offset, length)
        }
    }

    package let pieces: [Piece]

    package init(_ pieces: [Piece]) { self.pieces = pieces }

    var size: Int64 { pieces.reduce(0) { $0 + $1.length } }

    /// - Parameter own: the path of the part's own file.
    func slices(in lash: LASH, own: String) -> [FileSlice] {
        pieces.map { piece in
            FileSlice(path: piece.file.map { "\(lash.root)/\($0)" } ?? own, offset: piece.offset, length: piece.length)
        }
    }
}

/// A range of a file.
struct FileSlice: Sendable, Hashable {
    let path: String
    let offset: Int64
    let length: Int64

    /// Whether the file is there, and long enough.
    var isThere: Bool {
        guard let status = File.status(path), status.kind == .file else { return false }
        return offset >= 0 && length >= 0 && offset + length <= status.size
    }
}
