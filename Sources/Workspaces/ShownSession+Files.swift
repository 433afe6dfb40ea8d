internal import CLinux
internal import Files
internal import Glibc

/// What is asked of files and folders that a program opens.
extension ShownSession {
    private static let keepCache: UInt32 = 1 << 1

    // MARK: Files

    func open(_ number: UInt64, _ wanted: fuse_open_in, _ mayWait: Bool) throws -> Int {
        let flags = Int32(bitPattern: wanted.flags)
        return try shown.names.following {
            let node = try node(number)
            guard let names = shown.nodes.change({ $0.names(to: node) }) else {
                return try openAgain(node, flags)
            }
            var file: Int32 = -1
            do {
                try mustLie(names)
                file = try beside(names) { openat($0, $1, Self.own(flags)) }
                if file < 0 { throw Refusal(code: errno) }
            } catch let lacking as Lacking where flags & O_TRUNC != 0 {
                // Nothing of what it holds is wanted.
                if !mayWait { throw NotYet() }
                let (path, mode) = (lacking.paths[0], shown.absent[lacking.paths[0]]?.mode ?? 0o644)
                let code = try shown.share.replace(path) {
                    let opened = try? beside(names) { openat($0, $1, Self.own(flags) | O_CREAT, 0o600) }
                    guard let opened, opened >= 0 else { return errno }
                    fchmod(opened, mode)
                    file = opened
                    return 0
                }
                if code != 0 { throw Refusal(code: code) }
            }
            return opened(file, flags, of: node)
        }
    }

    /// One that has no name any more and that somebody has open.
    private func openAgain(_ node: ShownNode, _ flags: Int32) throws -> Int {
        guard let open = shown.nodes.change({ _ in node.handles.last }) else { throw Refusal(code: ENOENT) }
        let file = Glibc.open("/proc/self/fd/\(open.descriptor)", Self.own(flags) & ~O_NOFOLLOW)
        if file < 0 { throw Refusal(code: errno) }
        return opened(file, flags, of: node)
    }

    private static func own(_ flags: Int32) -> Int32 {
        flags & ~(O_CREAT | O_EXCL | O_NOCTTY | las_open_direct | las_open_path) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
    }

    private func opened(_ file: Int32, _ flags: Int32, of node: ShownNode) -> Int {
        let stamp = Stamp(ofOpen: file)
        let handle = ShownHandle(file, appends: flags & O_APPEND != 0)
        var out = fuse_open_out()
        shown.nodes.change { nodes in
            if let stamp {
                node.inode = stamp.inode
                if node.kept == stamp { out.open_flags = Self.keepCache }
                node.kept = stamp
            }
            out.fh = nodes.open(handle, of: node)
        }
        return put(out)
    }

    func create(_ name: [CChar], in number: UInt64, _ wanted: fuse_create_in) throws -> Int {
        let flags = Int32(bitPattern: wanted.flags)
        var file: Int32 = -1
        // What is told of the name comes first in the reply, and then what is told of the open file.
        let length = try make(name, in: number) { folder in
            file = openat(folder, name, Self.own(flags) | O_CREAT | flags & O_EXCL, 0o600)
            if file < 0 { return -1 }
            return fchmod(file, wanted.mode & 0o7777)
        }
        let entry = payload.loadUnaligned(as: fuse_entry_out.self)
        guard let node = shown.nodes.change({ $0[entry.nodeid] }) else {
            close(file)
            throw Refusal(code: EIO)
        }
        _ = opened(file, flags, of: node)
        let out = payload.loadUnaligned(as: fuse_open_out.self)
        payload.storeBytes(of: entry, as: fuse_entry_out.self)
        payload.storeBytes(of: out, toByteOffset: length, as: fuse_open_out.self)
        return length + MemoryLayout<fuse_open_out>.size
    }

    func read(_ wanted: fuse_read_in) throws -> Int {
        let file = try handle(wanted.fh).descriptor
        let most = min(Int(wanted.size), payload.count)
        guard let start = off_t(exactly: wanted.offset) else { throw Refusal(code: EINVAL) }
        var done = 0
        while done < most {
            let count = pread(file, payload.baseAddress! + done, most - done, start + off_t(done))
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw Refusal(code: errno) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func write(_ wanted: fuse_write_in, _ bytes: UnsafeRawBufferPointer) throws -> Int {
        let handle = try handle(wanted.fh)
        guard let start = off_t(exactly: wanted.offset) else { throw Refusal(code: EFBIG) }
        var file = handle.descriptor
        // What was written to memory has a place, also where all else goes to the end.
        let isPlaced = handle.appends && wanted.write_flags & UInt32(FUSE_WRITE_CACHE) != 0
        if isPlaced {
            file = Glibc.open("/proc/self/fd/\(file)", O_WRONLY | O_CLOEXEC)
            if file < 0 { throw Refusal(code: errno) }
        }
        defer { if isPlaced { close(file) } }
        var done = 0
        while done < bytes.count {
            let count = pwrite(file, bytes.baseAddress! + done, bytes.count - done, start + off_t(done))
            if count < 0, errno == EINTR { continue }
            if count < 0 {
                if done > 0 { break }
                throw Refusal(code: errno)
            }
            done += count
        }
        return put(fuse_write_out(size: UInt32(done), padding: 0))
    }

    /// `flock`, as it is between all that have the real file open.
    func lock(_ wanted: fuse_lk_in, waits: Bool) throws -> Int {
        guard wanted.lk_flags & UInt32(FUSE_LK_FLOCK) != 0 else { throw Refusal(code: ENOSYS) }
        let kind: Int32 =
            switch Int32(bitPattern: wanted.lk.type) {
            case F_RDLCK: LOCK_SH
            case F_WRLCK: LOCK_EX
            default: LOCK_UN
            }
        while flock(try handle(wanted.fh).descriptor, kind | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            if errno == EWOULDBLOCK, waits { throw NotYet() }
            throw Refusal(code: errno)
        }
        return 0
    }

    func room() throws -> Int {
        var info = statvfs()
        if fstatvfs(shown.root, &info) != 0 { throw Refusal(code: errno) }
        var out = fuse_statfs_out()
        (out.st.blocks, out.st.bfree, out.st.bavail) = (
            UInt64(info.f_blocks), UInt64(info.f_bfree), UInt64(info.f_bavail)
        )
        (out.st.files, out.st.ffree) = (UInt64(info.f_files), UInt64(info.f_ffree))
        (out.st.bsize, out.st.frsize) = (UInt32(info.f_bsize), UInt32(info.f_frsize))
        out.st.namelen = 255
        return put(out)
    }

    // MARK: Folders

    func openFolder(_ number: UInt64) throws -> Int {
        try shown.names.following {
            let node = try node(number)
            guard let names = shown.nodes.change({ $0.names(to: node) }) else { throw Refusal(code: ENOENT) }
            let folder = try beside(names) {
                openat($0, $1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            }
            if folder < 0 { throw Refusal(code: errno) }
            var out = fuse_open_out()
            out.fh = shown.nodes.change { $0.open(ShownHandle(folder), of: node) }
            return put(out)
        }
    }

    /// From the entry on that the offset counts.
    func list(_ number: UInt64, _ wanted: fuse_read_in) throws -> Int {
        let handle = try handle(wanted.fh)
        let node = try node(number)
        let known = shown.nodes.change { _ in handle.listing }
        let listing: [(name: [CChar], inode: UInt64, kind: UInt8)]
        if let known, wanted.offset > 0 {
            listing = known
        } else {
            listing = try names(in: handle.descriptor, node)
            shown.nodes.change { _ in handle.listing = listing }
        }
        let room = min(Int(wanted.size), payload.count)
        var filled = 0
        for position in min(Int(clamping: wanted.offset), listing.count)..<listing.count {
            let (name, inode, kind) = listing[position]
            let length = name.count - 1
            let size = (24 + length + 7) & ~7
            if filled + size > room { break }
            let place = UnsafeMutableRawBufferPointer(rebasing: payload[filled..<filled + size])
            place.initializeMemory(as: UInt8.self, repeating: 0)
            place.storeBytes(of: inode, as: UInt64.self)
            place.storeBytes(of: UInt64(position + 1), toByteOffset: 8, as: UInt64.self)
            place.storeBytes(of: UInt32(length), toByteOffset: 16, as: UInt32.self)
            place.storeBytes(of: UInt32(kind), toByteOffset: 20, as: UInt32.self)
            name.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: place[24...]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0[..<length]))
            }
            filled += size
        }
        return filled
    }

    /// What lies in a folder, here and elsewhere.
    private func names(in folder: Int32, _ node: ShownNode) throws -> [(name: [CChar], inode: UInt64, kind: UInt8)] {
        // Those that come meanwhile are found, and those that go.
        let path = shown.nodes.change { $0.names(to: node) }.map { self.path($0) }
        func elsewhere() -> Set<String> {
            switch path {
            case .some(.some(let path)): shown.absent.names(in: path)
            case .some(.none) where node.number == 1: shown.absent.names(in: nil)
            default: []
            }
        }
        var absent = elsewhere()
        let own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard own >= 0, let stream = fdopendir(own) else {
            let code = errno
            if own >= 0 { close(own) }
            throw Refusal(code: code)
        }
        defer { closedir(stream) }
        var listing: [(name: [CChar], inode: UInt64, kind: UInt8)] = []
        var here: Set<String> = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                $0.prefix { $0 != 0 }.map { CChar(bitPattern: $0) }
            }
            listing.append((name + [0], UInt64(entry.pointee.d_ino), entry.pointee.d_type))
            here.insert(String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        absent.formUnion(elsewhere())
        for name in absent.subtracting(here).sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            listing.append((name.utf8.map { CChar(bitPattern: $0) } + [0], .max >> 1, UInt8(DT_REG)))
        }
        return listing
    }
}
