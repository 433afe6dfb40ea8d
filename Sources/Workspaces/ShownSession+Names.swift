internal import CLinux
internal import Files
internal import Glibc

/// What is asked of names, and what changes them.
extension ShownSession {
    /// For how long the kernel need not ask again what a file is, in nanoseconds: others change it at any time, and who reads in small
    /// pieces asks before each.
    private static let validity: UInt32 = 20_000_000

    // MARK: Where something lies

    func node(_ number: UInt64) throws -> ShownNode {
        guard let node = shown.nodes.change({ $0[number] }) else { throw Refusal(code: ESTALE) }
        return node
    }

    func handle(_ number: UInt64) throws -> ShownHandle {
        guard let handle = shown.nodes.change({ $0.handle(number) }) else { throw Refusal(code: EBADF) }
        return handle
    }

    /// The names that lead to it now.
    private func names(to node: ShownNode) throws -> [[CChar]] {
        guard let names = shown.nodes.change({ $0.names(to: node) }) else { throw Refusal(code: ENOENT) }
        return names
    }

    /// Its path in the map; nil for the folder itself, and for a name that is no text.
    func path(_ names: [[CChar]]) -> RelativePath? {
        var texts: [String] = []
        for name in names {
            let bytes = name.dropLast().map { UInt8(bitPattern: $0) }
            guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
            texts.append(text)
        }
        return texts.isEmpty ? nil : RelativePath(texts.joined(separator: "/"))
    }

    /// Opens a folder of the real one, no link is followed, and closes it again afterwards.
    private func inFolder<Result>(_ names: some Collection<[CChar]>, _ body: (Int32) throws -> Result) throws -> Result
    {
        var folder = shown.root
        defer { if folder != shown.root { close(folder) } }
        for name in names {
            let next = openat(folder, name, las_open_path | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let code = errno
            if folder != shown.root { close(folder) }
            folder = next
            if next < 0 {
                folder = shown.root
                throw Refusal(code: code == ELOOP ? ENOTDIR : code)
            }
        }
        return try body(folder)
    }

    /// The real folder that a file lies in, and its name there: of the folder that is shown “.” in itself.
    func beside<Result>(_ names: [[CChar]], _ body: (Int32, [CChar]) throws -> Result) throws -> Result {
        guard let last = names.last else { return try body(shown.root, [CChar(46), 0]) }
        return try inFolder(names.dropLast()) { try body($0, last) }
    }

    private enum Lying {
        case here(stat)
        case absent(AbsentFiles.File)
    }

    /// What lies at a name, here or elsewhere.
    private func lying(_ names: [[CChar]]) throws -> Lying? {
        func here() throws -> stat? {
            do {
                return try beside(names) { folder, name in
                    var info = stat()
                    if fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 { return info }
                    if errno != ENOENT { throw Refusal(code: errno) }
                    return nil
                }
            } catch let refusal as Refusal {
                if refusal.code == ENOENT || refusal.code == ENOTDIR { return nil }
                throw refusal
            }
        }
        if let info = try here() { return .here(info) }
        guard let path = path(names) else { return nil }
        if let file = shown.absent[path] { return .absent(file) }
        // It may have come in between.
        return try here().map(Lying.here)
    }

    /// The path of a file that is known and not here; nil for all others.
    private func absentPath(_ names: [[CChar]]) throws -> RelativePath? {
        guard let path = path(names), shown.absent[path] != nil, case .absent = try lying(names) else { return nil }
        return path
    }

    /// What an operation on a file needs is here.
    func mustLie(_ names: [[CChar]]) throws {
        if let path = try absentPath(names) { throw Lacking(paths: [path]) }
    }

    // MARK: Told to the kernel

    private func entry(_ names: [[CChar]], in folder: ShownNode) throws -> Int {
        guard let name = names.last, let lying = try lying(names) else { throw Refusal(code: ENOENT) }
        let inode: UInt64 = if case .here(let info) = lying { UInt64(info.st_ino) } else { 0 }
        let number = shown.nodes.change { $0.look(name, in: folder, inode: inode).number }
        var entry = fuse_entry_out()
        (entry.nodeid, entry.attr_valid_nsec) = (number, Self.validity)
        entry.attr = attributes(lying, number)
        return put(entry)
    }

    private func attributes(_ lying: Lying, _ number: UInt64) -> fuse_attr {
        switch lying {
        case .here(let info): return attributes(info, number)
        case .absent(let file):
            var attributes = fuse_attr()
            (attributes.ino, attributes.size, attributes.nlink) = (number, UInt64(file.size), 1)
            // As one without holes.
            attributes.blocks = UInt64((file.size + 511) / 512)
            let time = (UInt64(max(0, file.modified) / 1_000_000_000), UInt32(max(0, file.modified) % 1_000_000_000))
            (attributes.atime, attributes.mtime, attributes.ctime) = (time.0, time.0, time.0)
            (attributes.atimensec, attributes.mtimensec, attributes.ctimensec) = (time.1, time.1, time.1)
            (attributes.mode, attributes.uid, attributes.gid) = (S_IFREG | file.mode & 0o777, geteuid(), getegid())
            attributes.blksize = 4096
            return attributes
        }
    }

    /// Its number stays the same when it comes here: programs compare it between looking at a file and opening it.
    private func attributes(_ info: stat, _ number: UInt64) -> fuse_attr {
        var attributes = fuse_attr()
        (attributes.ino, attributes.size, attributes.blocks) = (number, UInt64(info.st_size), UInt64(info.st_blocks))
        (attributes.atime, attributes.atimensec) = (UInt64(info.st_atim.tv_sec), UInt32(info.st_atim.tv_nsec))
        (attributes.mtime, attributes.mtimensec) = (UInt64(info.st_mtim.tv_sec), UInt32(info.st_mtim.tv_nsec))
        (attributes.ctime, attributes.ctimensec) = (UInt64(info.st_ctim.tv_sec), UInt32(info.st_ctim.tv_nsec))
        (attributes.mode, attributes.nlink) = (info.st_mode, UInt32(info.st_nlink))
        (attributes.uid, attributes.gid) = (info.st_uid, info.st_gid)
        (attributes.rdev, attributes.blksize) = (UInt32(truncatingIfNeeded: info.st_rdev), 4096)
        return attributes
    }

    func look(_ number: UInt64, _ name: [CChar]) throws -> Int {
        try shown.names.following {
            let folder = try node(number)
            return try entry(try names(to: folder) + [name], in: folder)
        }
    }

    func attributes(_ number: UInt64, _ wanted: fuse_getattr_in) throws -> Int {
        let node = try node(number)
        var open = wanted.getattr_flags & UInt32(FUSE_GETATTR_FH) != 0 ? try? handle(wanted.fh) : nil
        var out = fuse_attr_out()
        out.attr_valid_nsec = Self.validity
        if open == nil {
            let lying = try shown.names.following {
                try shown.nodes.change({ $0.names(to: node) }).flatMap { try self.lying($0) }
            }
            var isOther = lying == nil
            if case .here(let info) = lying, node.inode != 0, UInt64(info.st_ino) != node.inode { isOther = true }
            // Something else may have its name now, while a program has it open.
            if isOther { open = shown.nodes.change { _ in node.handles.last } }
            if open == nil {
                guard let lying else { throw Refusal(code: ENOENT) }
                if isOther { throw Refusal(code: ESTALE) }
                out.attr = attributes(lying, number)
                return put(out)
            }
        }
        var info = stat()
        guard let open, fstat(open.descriptor, &info) == 0 else { throw Refusal(code: EBADF) }
        out.attr = attributes(info, number)
        return put(out)
    }

    func target(_ number: UInt64) throws -> Int {
        try shown.names.following {
            try beside(try names(to: try node(number))) { folder, name in
                let count = readlinkat(folder, name, payload.baseAddress!.assumingMemoryBound(to: CChar.self), 4096)
                if count < 0 { throw Refusal(code: errno) }
                return count
            }
        }
    }

    // MARK: Changes of names

    /// - Parameter body: makes it in a folder; -1 with `errno` where it can't.
    func make(_ name: [CChar], in number: UInt64, _ body: (Int32) -> Int32) throws -> Int {
        try shown.names.changing {
            let folder = try node(number)
            let names = try names(to: folder)
            if try absentPath(names + [name]) != nil { throw Refusal(code: EEXIST) }
            try inFolder(names) { if body($0) != 0 { throw Refusal(code: errno) } }
            return try entry(names + [name], in: folder)
        }
    }

    func remove(_ name: [CChar], from number: UInt64, isFolder: Bool, _ mayWait: Bool) throws -> Int {
        let folder = try node(number)
        let absent: RelativePath? = try shown.names.changing {
            let names = try names(to: folder)
            if let path = try absentPath(names + [name]) {
                if isFolder { throw Refusal(code: ENOTDIR) }
                return path
            }
            if isFolder, let path = path(names + [name]), !shown.absent.names(in: path).isEmpty {
                throw Refusal(code: ENOTEMPTY)
            }
            try inFolder(names) {
                if unlinkat($0, name, isFolder ? Int32(AT_REMOVEDIR) : 0) != 0 { throw Refusal(code: errno) }
            }
            forget(name, in: folder)
            return nil
        }
        guard let absent else { return 0 }
        if !mayWait { throw NotYet() }
        try shown.share.remove(absent)
        shown.names.changing { forget(name, in: folder) }
        return 0
    }

    private func forget(_ name: [CChar], in folder: ShownNode) {
        shown.nodes.change { nodes in
            if let node = nodes.child(name, of: folder) { nodes.forgetPlace(node) }
        }
    }

    func move(
        _ from: UInt64, _ name: [CChar], _ to: UInt64, _ new: [CChar], flags: UInt32, _ mayWait: Bool
    ) throws -> Int {
        let isNew = flags == 1
        let isExchange = flags == 2
        if flags > 2 { throw Refusal(code: EINVAL) }
        try shown.names.changing {
            let (source, target) = (try node(from), try node(to))
            let (old, goal) = (try names(to: source) + [name], try names(to: target) + [new])
            // What is known of a file that is not here is known under its name: it comes before it gets another one.
            func elsewhere(_ names: [[CChar]]) throws -> [RelativePath] {
                guard let path = path(names) else { return [] }
                switch try lying(names) {
                case .absent: return [path]
                case .here(let info) where info.st_mode & S_IFMT == S_IFDIR: return shown.absent.below(path)
                default: return []
                }
            }
            let lacking = try elsewhere(old) + (isExchange ? elsewhere(goal) : [])
            if !lacking.isEmpty { throw Lacking(paths: lacking) }
            func rename() -> Int32 {
                do {
                    return try beside(old) { fromFolder, name in
                        try beside(goal) { toFolder, new in
                            let result =
                                isNew
                                ? las_rename_new(fromFolder, name, toFolder, new)
                                : isExchange
                                    ? las_exchange(fromFolder, name, toFolder, new)
                                    : renameat(fromFolder, name, toFolder, new)
                            return result == 0 ? 0 : errno
                        }
                    }
                } catch { return (error as? Refusal)?.code ?? EIO }
            }
            let replaced = try absentPath(goal)
            let code: Int32
            if let replaced {
                if isNew { throw Refusal(code: EEXIST) }
                guard case .here(let info) = try lying(old) else { throw Refusal(code: ENOENT) }
                if info.st_mode & S_IFMT == S_IFDIR { throw Refusal(code: ENOTDIR) }
                if !mayWait { throw NotYet() }
                code = try shown.share.replace(replaced, rename)
            } else {
                if !isExchange, let path = path(goal), !shown.absent.names(in: path).isEmpty {
                    throw Refusal(code: ENOTEMPTY)
                }
                code = rename()
            }
            if code != 0 { throw Refusal(code: code) }
            shown.nodes.change { $0.move(name, of: source, to: new, of: target, exchanging: isExchange) }
        }
        return 0
    }

    // MARK: Changes of what a file is

    func change(_ number: UInt64, _ wanted: fuse_setattr_in) throws -> Int {
        let node = try node(number)
        func has(_ bit: Int32) -> Bool { wanted.valid & UInt32(bit) != 0 }
        if has(FATTR_UID), wanted.uid != geteuid() { throw Refusal(code: EPERM) }
        if has(FATTR_GID), wanted.gid != getegid() { throw Refusal(code: EPERM) }
        if has(FATTR_FH), let open = try? handle(wanted.fh) {
            try change(wanted, open.descriptor, isOpen: true)
        } else {
            try shown.names.following {
                guard let names = shown.nodes.change({ $0.names(to: node) }) else {
                    guard let open = shown.nodes.change({ _ in node.handles.last }) else { throw Refusal(code: ENOENT) }
                    return try change(wanted, open.descriptor, isOpen: false)
                }
                try mustLie(names)
                try beside(names) { folder, name in
                    let file = openat(folder, name, las_open_path | O_NOFOLLOW | O_CLOEXEC)
                    if file < 0 { throw Refusal(code: errno) }
                    defer { close(file) }
                    try change(wanted, file, isOpen: false)
                }
            }
        }
        var asked = fuse_getattr_in()
        if has(FATTR_FH) { (asked.getattr_flags, asked.fh) = (UInt32(FUSE_GETATTR_FH), wanted.fh) }
        return try attributes(number, asked)
    }

    /// - Parameter isOpen: the descriptor can be written to; else it may be one that only says which file is meant.
    private func change(_ wanted: fuse_setattr_in, _ file: Int32, isOpen: Bool) throws {
        func has(_ bit: Int32) -> Bool { wanted.valid & UInt32(bit) != 0 }
        func check(_ result: Int32) throws { if result != 0 { throw Refusal(code: errno) } }
        let path = "/proc/self/fd/\(file)"
        if has(FATTR_MODE) {
            var info = stat()
            try check(fstat(file, &info))
            if info.st_mode & S_IFMT == S_IFLNK { throw Refusal(code: EOPNOTSUPP) }
            try check(chmod(path, wanted.mode & 0o7777))
        }
        if has(FATTR_SIZE) {
            guard let size = off_t(exactly: wanted.size) else { throw Refusal(code: EFBIG) }
            if isOpen { try check(ftruncate(file, size)) } else { try check(truncate(path, size)) }
        }
        if has(FATTR_ATIME) || has(FATTR_MTIME) {
            func time(_ seconds: UInt64, _ nanoseconds: UInt32, _ isSet: Bool, _ isNow: Bool) -> timespec {
                // UTIME_OMIT and UTIME_NOW.
                if !isSet { return timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2) }
                if isNow { return timespec(tv_sec: 0, tv_nsec: (1 << 30) - 1) }
                return timespec(tv_sec: Int(bitPattern: UInt(seconds)), tv_nsec: Int(nanoseconds))
            }
            let times = [
                time(wanted.atime, wanted.atimensec, has(FATTR_ATIME), has(FATTR_ATIME_NOW)),
                time(wanted.mtime, wanted.mtimensec, has(FATTR_MTIME), has(FATTR_MTIME_NOW)),
            ]
            // Of a link this says its own: what is at /proc leads to it, and no further.
            try check(utimensat(AT_FDCWD, path, times, 0))
        }
    }
}
