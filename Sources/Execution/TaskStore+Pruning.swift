internal import Files
internal import Glibc
internal import Threads

/// What is not kept for ever.
extension TaskStore {
    struct Limits: Sendable {
        /// Seconds that an entry stays without being used.
        var unused: Int64 = 30 * 86_400
        /// Below this part of the disk, the entries that were used the longest time ago go first.
        var freeShare = 0.05
        /// How long it may take; what is left is for the next time.
        var seconds = 2.0
        /// Looked at no more often than this, unless the disk is getting full.
        var pause: Int64 = 86_400
    }

    /// Clears away what has not been used for a month, and more where the disk gets full.
    ///
    /// - Parameters:
    ///   - onlyWhereFull: nothing is done where the disk has room.
    ///   - disk: bytes free and in all.
    func prune(
        onlyWhereFull: Bool = false, _ limits: Limits = Limits(),
        disk: (String) -> (free: Int64, total: Int64) = { Folder.disk(at: $0) }
    ) {
        guard File.exists(lash.tasks) else { return }
        func isFull() -> Bool {
            let (free, total) = disk(lash.tasks)
            return Double(free) < Double(total) * limits.freeShare
        }
        let (now, stamp) = (Int64(time(nil)), lash.tasks + "/cleared")
        let wasLately = File.status(stamp).map { $0.modified > now - limits.pause } ?? false
        guard isFull() || (!onlyWhereFull && !wasLately) else { return }
        let end = Clock.monotonic + limits.seconds
        try? File.create(stamp, [])
        Folder.clearAbandoned(in: lash.temporary)
        for folder in ["images", "metros"] { clear("\(lash.tasks)/\(folder)", before: now - limits.unused) }
        var kept: [(used: Int64, folder: String)] = []
        // From another place each time, so that all are looked at in the end.
        let first = Int.random(in: 0..<256)
        for number in 0..<256 where Clock.monotonic < end {
            let byte = (first + number) % 256
            let shelf = "\(lash.tasks)/\(byte < 16 ? "0" : "")\(String(byte, radix: 16))"
            for name in (try? Folder.names(in: shelf)) ?? [] where Clock.monotonic < end {
                let folder = "\(shelf)/\(name)"
                let used = File.status(folder + "/record")?.modified ?? 0
                if used < now - limits.unused { Self.remove(folder, lash) } else { kept.append((used, folder)) }
            }
        }
        guard isFull() else { return }
        for (number, entry) in kept.sorted(by: { $0.used < $1.used }).enumerated() where Clock.monotonic < end {
            // Asked now and then: it takes time until a disk knows what is free.
            if number % 16 == 15, !isFull() { break }
            Self.remove(entry.folder, lash)
        }
    }

    private func clear(_ folder: String, before: Int64) {
        for name in (try? Folder.names(in: folder)) ?? [] {
            if let status = File.status("\(folder)/\(name)"), status.modified < before {
                File.remove("\(folder)/\(name)")
            }
        }
    }
}
