internal import Digests

/// Short files as they were read or came last, so that what is told next need not be read again: some megabytes of them.
struct RecentBytes {
    private var young: [Digest: [UInt8]] = [:]
    private var old: [Digest: [UInt8]] = [:]
    private var size = 0

    private static let most = 16 << 20

    subscript(_ digest: Digest) -> [UInt8]? { young[digest] ?? old[digest] }

    mutating func keep(_ bytes: [UInt8], _ digest: Digest) {
        if young[digest] != nil { return }
        young[digest] = bytes
        size += bytes.count + 100
        if size > Self.most { (young, old, size) = ([:], young, 0) }
    }
}
