package import Digests
package import Files
internal import Glibc

/// Remembers in LASH that the files which hold a part were verified, so that they need not be hashed again while they are the
/// same: same device, inode, size and change time, which can't be set by hand. It counts until the machine is started anew,
/// since files of the store need not be synced.
package struct PartStamp {
    private let path: String
    private let content: [UInt8]
    /// The latest change of the files, in nanoseconds since 1970.
    private let changed: Int64

    /// Of the files as they are now; nil where one is missing.
    package init?(_ digest: Digest, files: [String], in lash: LASH) {
        var content = MachineStart.mark
        var latest: Int64 = 0
        for file in files {
            var info = stat()
            guard lstat(file, &info) == 0 else { return nil }
            let changed = Int64(info.st_ctim.tv_sec) * 1_000_000_000 + Int64(info.st_ctim.tv_nsec)
            latest = max(latest, changed)
            content += "\(info.st_dev) \(info.st_ino) \(info.st_size) \(changed) \(file)\n".utf8
        }
        (self.content, changed) = (content, latest)
        path = "\(lash.stamps)/part-\(digest.hex)"
    }

    package var isRecorded: Bool { (try? File.read(path, atMost: 64 << 20)) == content }

    /// Not of files that changed just now: they could change again without their times telling. File systems tell times to the
    /// hundredth of a second at least, or to the second, and then there is nothing below it.
    package func record() {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let margin: Int64 = changed % 1_000_000_000 == 0 ? 2_000_000_000 : 100_000_000
        guard Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec) - changed > margin else { return }
        try? Folder.make(File.parent(of: path))
        try? File.put(content, at: path)
    }
}

extension PartStore {
    /// Copies a part into an open file, sharing its data where the file system can.
    ///
    /// Every extent is hashed on its way, unless that was done before and the files are the same since; then the kernel
    /// copies them by itself.
    /// - Parameter path: of the open file, for errors.
    package func copy(
        _ placed: PlacedPart, to descriptor: Int32, path: String, progress: (Int64) -> Void = { _ in }
    ) throws(PartFailure) {
        let reader = try reader(of: placed.part.digest, placed.extents)
        let stamp = PartStamp(placed.part.digest, files: reader.files, in: lash)
        if let stamp, stamp.isRecorded {
            return try reader.copy(to: descriptor, at: placed.offset, named: path, progress: progress)
        }
        try reader.copyVerified(
            placed.extents, named: placed.part.words, to: descriptor, at: placed.offset, path: path,
            progress: progress)
        stamp?.record()
    }
}
