internal import Digests
internal import Files
internal import Glibc

/// A part on its way into the store: written beside, each extent verified as it arrives.
///
/// One thread at a time. What is neither committed nor given up goes away with this value.
package final class IncomingPart {
    package let part: Part
    let extents: ExtentList
    let store: PartStore
    let path: String
    private(set) var descriptor: Int32
    /// At which byte of the part each extent begins.
    let starts: [Int64]
    /// Which extents are there, verified.
    private var isThere: [Bool]
    /// Whether extents were there when it began: they came before, or lie in other parts.
    private var hasFound = false

    private var hasher = SHA256()
    /// The extents that are to come, in order; which of them is arriving, and how much of it is there.
    private var coming: [Int]
    private var turn = 0
    private var filled: Int64 = 0
    /// Up to where the system was asked to write to the disk what has come.
    private var begun: Int64 = 0
    /// Whether the disk has room for it that nobody else gets: what was written can't fail for want of it later.
    private var hasRoom = false

    /// - Parameter path: where it is written; made for this one.
    private init(
        _ part: Part, extents: ExtentList, in store: PartStore, at path: String, _ descriptor: Int32
    ) {
        (self.part, self.extents, self.store, self.path, self.descriptor) = (part, extents, store, path, descriptor)
        var starts: [Int64] = []
        starts.reserveCapacity(extents.extents.count)
        var start: Int64 = 0
        for extent in extents.extents {
            starts.append(start)
            start += extent.length
        }
        self.starts = starts
        isThere = Array(repeating: false, count: starts.count)
        coming = Array(starts.indices)
    }

    /// One that comes from this machine, all at once.
    static func local(_ part: Part, extents: ExtentList, in store: PartStore) throws(PartFailure) -> IncomingPart {
        let random = String(UInt64.random(in: 0 ... .max), radix: 36)
        let path = "\(store.lash.temporary)/part-\(part.digest.short)-\(getpid())-\(random)"
        do throws(FileFailure) {
            try Folder.make(store.lash.temporary)
            let descriptor = try File.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode: 0o444, action: "write")
            return IncomingPart(part, extents: extents, in: store, at: path, descriptor)
        } catch { throw PartFailure(error) }
    }

    /// One that comes from another machine. What of it came before a connection was cut, or lies in another part of the store,
    /// is taken and verified; `wanted` is the rest.
    /// - Throws: where there is no room for it.
    static func sent(_ part: Part, extents: ExtentList, in store: PartStore) throws(PartFailure) -> IncomingPart {
        let incoming: IncomingPart
        do throws(FileFailure) {
            let folder = store.lash.incoming
            try Folder.make(folder)
            clear(folder)
            let (path, descriptor) = try open(part, in: folder)
            incoming = IncomingPart(part, extents: extents, in: store, at: path, descriptor)
        } catch { throw PartFailure(error) }
        do throws(PartFailure) {
            if ftruncate(incoming.descriptor, off_t(part.size)) != 0 { throw incoming.writeFailure }
            try incoming.takeWhatCame()
            try incoming.takeFromOtherSendings()
            try incoming.reserve()
            try incoming.takeFromOtherParts()
        } catch {
            incoming.abandon()
            throw error
        }
        incoming.lookWhatLacks()
        return incoming
    }

    /// One process at a time writes a part's file. The one whose connection was cut may not have noticed yet: it is waited for,
    /// a moment, and then this one takes a file of its own, and from the other's what is verified.
    private static func open(_ part: Part, in folder: String) throws(FileFailure) -> (path: String, descriptor: Int32) {
        let path = "\(folder)/\(part.digest.hex)"
        for _ in 1...20 {
            let descriptor = try File.open(
                path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode: 0o600, action: "write")
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                close(descriptor)
                usleep(50_000)
                continue
            }
            // Between opening and locking, it may have been committed or cleared away: it must still have this name.
            var (mine, named) = (stat(), stat())
            if fstat(descriptor, &mine) == 0, stat(path, &named) == 0, mine.st_ino == named.st_ino,
                mine.st_dev == named.st_dev
            {
                return (path, descriptor)
            }
            close(descriptor)
        }
        let own = "\(path)-\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        let descriptor = try File.open(own, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode: 0o600, action: "write")
        flock(descriptor, LOCK_EX | LOCK_NB)
        return (own, descriptor)
    }

    /// How long an unfinished part is kept, in seconds.
    private static let patience = 14 * 86_400

    /// Removes unfinished parts that nobody has gone on with for a long time.
    private static func clear(_ folder: String) {
        for name in (try? Folder.names(in: folder)) ?? [] {
            var info = stat()
            let path = "\(folder)/\(name)"
            guard stat(path, &info) == 0, Int(time(nil)) - Int(info.st_mtim.tv_sec) > patience,
                let descriptor = try? File.open(path, O_RDONLY | O_CLOEXEC, action: "read")
            else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            close(descriptor)
        }
    }

    /// Has room for it set aside: a full disk is told now rather than after an hour's sending.
    private func reserve() throws(PartFailure) {
        do throws(FileFailure) {
            hasRoom = try File.reserve(part.size, in: descriptor, named: store.path(of: part.digest))
        } catch { throw PartFailure(error) }
    }

    deinit { abandon() }

    var writeFailure: PartFailure { PartFailure(FileFailure("write", store.path(of: part.digest))) }

    func isLacking(_ number: Int) -> Bool { !isThere[number] }

    func found(_ numbers: some Sequence<Int>) {
        for number in numbers { (isThere[number], hasFound) = (true, true) }
    }

    /// Before anything is appended.
    func lookWhatLacks() { coming = isThere.indices.filter { !isThere[$0] } }

    /// What is to be appended.
    package var wanted: WantedExtents { WantedExtents(coming) }

    /// Whether nothing is still to come.
    package var isWhole: Bool { turn == coming.count }

    /// How many bytes are still to come.
    private var lacking: Int64 { coming[turn...].reduce(0) { $0 + extents.extents[$1].length } - filled }

    /// The next bytes of the wanted extents, in order, in pieces of any length.
    /// - Throws: where an extent is not what the list says; nothing more can be appended then.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(PartFailure) {
        guard descriptor >= 0 else { throw .damaged("\(part.words) was given up already", in: path) }
        do throws(PartFailure) {
            var done = 0
            while done < bytes.count { done += try appendRun(UnsafeRawBufferPointer(rebasing: bytes[done...])) }
        } catch {
            abandon()
            throw error
        }
    }

    package func append(_ bytes: [UInt8]) throws(PartFailure) {
        var failure: PartFailure?
        bytes.withUnsafeBytes { bytes in
            do throws(PartFailure) { try append(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Of the bytes those that lie together in the part, written at once: that takes the system much less work than piece by piece.
    /// - Returns: how many those are.
    private func appendRun(_ bytes: UnsafeRawBufferPointer) throws(PartFailure) -> Int {
        guard turn < coming.count else {
            throw .damaged("more bytes came than \(part.words) lacks", in: "the sent part \(part.digest.short)")
        }
        let start = starts[coming[turn]] + filled
        var done = 0
        while done < bytes.count, turn < coming.count, starts[coming[turn]] + filled == start + Int64(done) {
            let (number, extent) = (coming[turn], extents.extents[coming[turn]])
            let count = Int(min(Int64(bytes.count - done), extent.length - filled))
            hasher.update(UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
            (done, filled) = (done + count, filled + Int64(count))
            if filled == extent.length { try finish(number) }
        }
        do throws(FileFailure) {
            try File.writeAll(
                UnsafeRawBufferPointer(rebasing: bytes[..<done]), at: start, to: descriptor,
                path: store.path(of: part.digest))
        } catch { throw PartFailure(error) }
        // What is on the disk by the end need not be waited for then.
        let end = start + Int64(done)
        if begun > end { begun = start }
        if end - begun >= Self.begunAtOnce {
            File.beginWriting(end - begun, at: begun, of: descriptor)
            begun = end
        }
        return done
    }

    private static let begunAtOnce: Int64 = 8 << 20

    private func finish(_ number: Int) throws(PartFailure) {
        let digest = hasher.digest()
        (hasher, filled, turn) = (SHA256(), 0, turn + 1)
        let extent = extents.extents[number]
        guard digest == extent.digest else {
            throw .damaged(
                "extent \(number + 1) of \(extents.extents.count) of \(part.words) arrived changed, bytes \(starts[number]) to \(starts[number] + extent.length - 1)",
                in: "the sent part \(part.digest.short)")
        }
        isThere[number] = true
    }

    /// All of it at once, from a file on this machine, verified on the way.
    func copy(from reader: PartReader, progress: (Int64) -> Void = { _ in }) throws(PartFailure) {
        try reader.copyVerified(
            extents, named: part.words, to: descriptor, at: 0, path: store.path(of: part.digest), progress: progress)
        turn = coming.count
    }

    /// Parts that are smaller are on the disk in a moment.
    private static let worthLater: Int64 = 4 << 20

    /// Gives the part its name: once it is whole, verified and synced.
    /// - Parameter mayBeSyncedLater: gives it its name before it is synced, where that may take long, and notes that; `settle` of
    ///   the store is to be called then.
    package func commit(mayBeSyncedLater: Bool = false) throws(PartFailure) {
        guard descriptor >= 0 else { throw .damaged("\(part.words) was given up already", in: path) }
        if lacking > 0 {
            throw .damaged(
                "\(part.words) is cut short: \(part.size - lacking) of its \(part.size) bytes came",
                in: "the sent part \(part.digest.short)")
        }
        if fchmod(descriptor, 0o444) != 0 { throw writeFailure }
        let isSyncedLater = mayBeSyncedLater && hasRoom && part.size >= Self.worthLater
        if isSyncedLater {
            try store.noteUnsynced(part.digest)
        } else {
            if fsync(descriptor) != 0 { throw writeFailure }
            store.forgetNote(of: part.digest)
        }
        try store.adopt(part, extents: extents, fileAt: path, syncing: !isSyncedLater)
        close(descriptor)
        descriptor = -1
    }

    /// Lets it lie for the next time: what is verified by then need not be sent again.
    package func suspend() {
        guard hasFound || isThere.contains(true) else { return abandon() }
        end()
    }

    /// Removes what has come.
    package func abandon() {
        if descriptor >= 0 { unlink(path) }
        end()
    }

    private func end() {
        if descriptor >= 0 {
            // By name: a child that another thread is just starting holds a copy of the descriptor until its exec.
            flock(descriptor, LOCK_UN)
            close(descriptor)
        }
        descriptor = -1
    }
}
