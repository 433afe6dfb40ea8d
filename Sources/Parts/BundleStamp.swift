internal import Digests
package import Files
internal import Glibc
internal import JSON

/// Remembers in LASH that a bundle's file was verified, so that it need not be hashed again while it is the same:
/// same device, inode, size and times. A file's change time can't be set by hand.
package struct BundleStamp {
    private let path: String
    private let content: [UInt8]
    /// Nanoseconds since 1970.
    private let changed: Int64

    /// Of the opened file as it is now.
    package init?(_ bundle: BundleFile, in lash: LASH) {
        var info = stat()
        guard fstat(bundle.file.descriptor, &info) == 0 else { return nil }
        func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) }
        changed = nanoseconds(info.st_ctim)
        content = JSONText.encode([
            "device": Int64(truncatingIfNeeded: info.st_dev), "inode": Int64(truncatingIfNeeded: info.st_ino),
            "size": Int64(info.st_size), "changed": changed, "modified": nanoseconds(info.st_mtim),
        ])
        path = "\(lash.stamps)/\(bundle.identity.hex)-\(info.st_dev)-\(info.st_ino)"
    }

    package var isRecorded: Bool { (try? File.read(path, atMost: 4096)) == content }

    /// A file that changed within the last second could change again without its time telling: it is verified once more
    /// the next time.
    package func record() {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        guard Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec) - changed > 1_000_000_000 else { return }
        try? Folder.make(File.parent(of: path))
        try? File.write(content, to: path)
    }
}

extension BundleFile {
    /// Verifies the bundle unless this LASH remembers that it did.
    /// - Returns: whether it had to be hashed.
    @discardableResult package func verifyOnce(
        in lash: LASH, progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws(PartFailure) -> Bool {
        let stamp = BundleStamp(self, in: lash)
        if let stamp, stamp.isRecorded { return false }
        try verify(progress: progress)
        stamp?.record()
        return true
    }
}
