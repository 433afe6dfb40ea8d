package import Digests
internal import Files
internal import Parts

/// Entries of the store of compressed layers, for who looks after it.
package enum StoredBlocks {
    /// What the entries of a layer are called, of the ways in which this las compresses.
    package static func names(of layer: Digest) -> [String] {
        [ImageOptions().level, ImageOptions.releaseLevel].map {
            BlockStore.key(of: layer, ImageOptions(level: $0, threads: 1)).hex
        }
    }

    /// Reads all of an entry.
    ///
    /// - Parameter progress: told how many bytes more were read.
    /// - Returns: whether its index and its blocks are as they were.
    package static func isWhole(_ path: String, progress: (Int64) -> Void = { _ in }) -> Bool {
        guard let (layout, extents) = BlockStore.index(at: path), let list = try? ExtentList(extents),
            list.size == layout.size
        else { return false }
        guard let reader = try? PartReader(fileAt: path, size: layout.size) else { return false }
        return (try? reader.verify(list, named: "the blocks", progress: progress)) != nil
    }
}
