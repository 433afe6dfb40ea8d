internal import Digests
internal import Parts

/// Lists of the chunks of files that went to another machine or came from there of late: what is told of the next version of one is then
/// the difference, also where the version before lies nowhere any more. Some files of a gigabyte each.
struct RecentLists {
    private struct Key: Hashable {
        let digest: Digest
        /// How they were cut.
        let smallest: Int
    }

    private var young: [Key: ExtentList] = [:]
    private var old: [Key: ExtentList] = [:]
    private var count = 0

    /// Extents, of about 40 bytes each.
    private static let most = 512 << 10

    subscript(_ digest: Digest, _ chunks: Chunks) -> ExtentList? {
        let key = Key(digest: digest, smallest: chunks.smallest)
        return young[key] ?? old[key]
    }

    mutating func keep(_ list: ExtentList, of digest: Digest, _ chunks: Chunks) {
        if young.updateValue(list, forKey: Key(digest: digest, smallest: chunks.smallest)) != nil { return }
        count += list.extents.count
        if count > Self.most { (young, old, count) = ([:], young, 0) }
    }
}
