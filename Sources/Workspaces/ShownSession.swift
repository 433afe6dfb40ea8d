internal import CLinux
internal import Files
internal import Glibc

/// One thread's part in showing a folder: takes a request of the kernel after another, and answers it or has it wait.
struct ShownSession {
    let shown: ShownFolder
    let request: UnsafeMutableRawBufferPointer
    let reply: UnsafeMutableRawBufferPointer
    private let memory: Memory

    static let pages = 256
    private static let requestSize = pages * 4096 + 8192
    static let headSize = MemoryLayout<fuse_out_header>.size
    private static let requestHeadSize = MemoryLayout<fuse_in_header>.size

    private final class Memory {
        let request = UnsafeMutableRawBufferPointer.allocate(byteCount: ShownSession.requestSize, alignment: 64)
        let reply = UnsafeMutableRawBufferPointer.allocate(
            byteCount: ShownSession.headSize + ShownSession.pages * 4096, alignment: 64)
        deinit {
            request.deallocate()
            reply.deallocate()
        }
    }

    init(_ shown: ShownFolder) {
        (self.shown, memory) = (shown, Memory())
        (request, reply) = (memory.request, memory.reply)
    }

    /// An error number for the program.
    struct Refusal: Error { let code: Int32 }
    /// It can be done only when these lie here.
    struct Lacking: Error { let paths: [RelativePath] }
    /// It is tried again soon, by who waits.
    struct NotYet: Error {}

    enum Taken { case more, none, gone }

    func answerNext() -> Taken {
        let count = Glibc.read(shown.device, request.baseAddress, request.count)
        if count < 0 {
            if errno == EAGAIN { return .none }
            return errno == EINTR || errno == ENOENT ? .more : .gone
        }
        guard count >= Self.requestHeadSize else { return .gone }
        let bytes = UnsafeRawBufferPointer(rebasing: request[..<count])
        if !answer(bytes, waiting: nil) { shown.later(.init(Array(bytes))) }
        return .more
    }

    /// - Returns: false where it still has to wait.
    func answer(_ waiting: ShownFolder.Waiting) -> Bool {
        waiting.request.withUnsafeBytes { answer($0, waiting: waiting) }
    }

    /// - Parameter waiting: nil at first, where nothing is waited for.
    private func answer(_ bytes: UnsafeRawBufferPointer, waiting: ShownFolder.Waiting?) -> Bool {
        let head = bytes.loadUnaligned(as: fuse_in_header.self)
        let body = UnsafeRawBufferPointer(rebasing: bytes[Self.requestHeadSize...])
        do {
            // Nobody is there any more who would wait.
            if waiting != nil, Self.isKilled(head.pid) { throw Refusal(code: EINTR) }
            if let length = try answer(head, body, mayWait: waiting != nil) {
                send(head.unique, length: length, error: 0)
            }
            if let waiting { hasCome(waiting) }
            return true
        } catch let lacking as Lacking {
            guard let waiting else { return false }
            if let trouble = shown.trouble(of: waiting) {
                shown.tell(trouble)
                give(waiting)
                send(head.unique, length: 0, error: EIO)
                return true
            }
            if waiting.paths != lacking.paths {
                give(waiting)
                waiting.paths = lacking.paths
                do { try shown.share.fetch(lacking.paths) } catch {
                    shown.tell("\(shown.name)/\(lacking.paths[0]) could not be fetched: \(error)")
                    send(head.unique, length: 0, error: EIO)
                    return true
                }
                waiting.isAsked = true
                // It may lie here in another file.
                return answer(bytes, waiting: waiting)
            }
            return false
        } catch is NotYet {
            return false
        } catch let refusal as Refusal {
            if let waiting { give(waiting) }
            send(head.unique, length: 0, error: refusal.code)
            return true
        } catch {
            if let waiting { give(waiting) }
            shown.tell("\(shown.name): \(error)")
            send(head.unique, length: 0, error: EIO)
            return true
        }
    }

    /// What was fetched stays as long as the folder is shown.
    private func hasCome(_ waiting: ShownFolder.Waiting) {
        if waiting.isAsked { shown.opened.change { $0 += waiting.paths } }
        waiting.isAsked = false
    }

    private func give(_ waiting: ShownFolder.Waiting) {
        if waiting.isAsked { shown.share.letGo(waiting.paths) }
        waiting.isAsked = false
    }

    /// Whether a thread is being killed: the kernel has it wait for the answer all the same.
    private static func isKilled(_ thread: UInt32) -> Bool {
        guard thread != 0, let text = try? File.read("/proc/\(thread)/status", atMost: 1 << 16) else { return false }
        let lines = text.split(separator: UInt8(ascii: "\n"))
        for mark in ["SigPnd:", "ShdPnd:"] {
            guard let line = lines.first(where: { $0.starts(with: mark.utf8) }) else { continue }
            let digits = line.dropFirst(mark.utf8.count).drop { $0 == 9 || $0 == 32 }
            guard let set = UInt64(String(decoding: digits, as: UTF8.self), radix: 16) else { continue }
            if set & 1 << UInt64(SIGKILL - 1) != 0 { return true }
        }
        return false
    }

    private func send(_ unique: UInt64, length: Int, error: Int32) {
        let whole = Self.headSize + (error == 0 ? length : 0)
        reply.storeBytes(
            of: fuse_out_header(len: UInt32(whole), error: -error, unique: unique), as: fuse_out_header.self)
        // ENOENT: who asked has gone away.
        while Glibc.write(shown.device, reply.baseAddress, whole) < 0, errno == EINTR {}
    }

    // MARK: Replies

    var payload: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: reply[Self.headSize...]) }

    func put<Value: BitwiseCopyable>(_ value: Value) -> Int {
        payload.storeBytes(of: value, as: Value.self)
        return MemoryLayout<Value>.size
    }

    func load<Value: BitwiseCopyable>(_: Value.Type, _ body: UnsafeRawBufferPointer) throws -> Value {
        guard body.count >= MemoryLayout<Value>.size else { throw Refusal(code: EINVAL) }
        return body.loadUnaligned(as: Value.self)
    }

    /// The texts at the end of a request, each ended by 0.
    func texts(_ body: UnsafeRawBufferPointer, after start: Int, _ count: Int = 1) throws -> [[CChar]] {
        guard body.count >= start else { throw Refusal(code: EINVAL) }
        var rest = UnsafeRawBufferPointer(rebasing: body[start...])
        var texts: [[CChar]] = []
        for _ in 0..<count {
            guard let end = rest.firstIndex(of: 0) else { throw Refusal(code: EINVAL) }
            texts.append(rest[...end].map { CChar(bitPattern: $0) })
            rest = UnsafeRawBufferPointer(rebasing: rest[(end + 1)...])
        }
        return texts
    }

    /// - Parameter mayWait: it is one who waits that asks: it may take the time that others need.
    /// - Returns: how many bytes of the reply are filled; nil where no reply is expected.
    private func answer(_ head: fuse_in_header, _ body: UnsafeRawBufferPointer, mayWait: Bool) throws -> Int? {
        switch head.opcode {
        case FUSE_INIT.rawValue: return try begin(body)
        case FUSE_FORGET.rawValue:
            let count = try load(fuse_forget_in.self, body).nlookup
            shown.nodes.change { $0.forget(head.nodeid, count) }
            return nil
        case FUSE_BATCH_FORGET.rawValue:
            let count = Int(try load(fuse_batch_forget_in.self, body).count)
            let each = MemoryLayout<fuse_forget_one>.size
            guard body.count >= 8 + count * each else { return nil }
            shown.nodes.change { nodes in
                for number in 0..<count {
                    let one = body.loadUnaligned(fromByteOffset: 8 + number * each, as: fuse_forget_one.self)
                    nodes.forget(one.nodeid, one.nlookup)
                }
            }
            return nil
        case FUSE_INTERRUPT.rawValue: return nil
        case FUSE_DESTROY.rawValue, FUSE_FLUSH.rawValue: return 0
        case FUSE_LOOKUP.rawValue: return try look(head.nodeid, try texts(body, after: 0)[0])
        case FUSE_GETATTR.rawValue: return try attributes(head.nodeid, try load(fuse_getattr_in.self, body))
        case FUSE_SETATTR.rawValue: return try change(head.nodeid, try load(fuse_setattr_in.self, body))
        case FUSE_READLINK.rawValue: return try target(head.nodeid)
        case FUSE_SYMLINK.rawValue:
            let texts = try texts(body, after: 0, 2)
            return try make(texts[0], in: head.nodeid) { symlinkat(texts[1], $0, texts[0]) }
        case FUSE_MKNOD.rawValue:
            let wanted = try load(fuse_mknod_in.self, body)
            let name = try texts(body, after: MemoryLayout<fuse_mknod_in>.size)[0]
            guard [S_IFREG, S_IFIFO, S_IFSOCK].contains(wanted.mode & S_IFMT) else { throw Refusal(code: EPERM) }
            return try make(name, in: head.nodeid) { folder in
                if mknodat(folder, name, wanted.mode, 0) != 0 { return -1 }
                return fchmodat(folder, name, wanted.mode & 0o7777, 0)
            }
        case FUSE_MKDIR.rawValue:
            let wanted = try load(fuse_mkdir_in.self, body)
            let name = try texts(body, after: MemoryLayout<fuse_mkdir_in>.size)[0]
            return try make(name, in: head.nodeid) { folder in
                if mkdirat(folder, name, wanted.mode & 0o7777) != 0 { return -1 }
                return fchmodat(folder, name, wanted.mode & 0o7777, 0)
            }
        case FUSE_UNLINK.rawValue:
            return try remove(try texts(body, after: 0)[0], from: head.nodeid, isFolder: false, mayWait)
        case FUSE_RMDIR.rawValue:
            return try remove(try texts(body, after: 0)[0], from: head.nodeid, isFolder: true, mayWait)
        case FUSE_RENAME.rawValue:
            let texts = try texts(body, after: 8, 2)
            return try move(head.nodeid, texts[0], try load(UInt64.self, body), texts[1], flags: 0, mayWait)
        case FUSE_RENAME2.rawValue:
            let wanted = try load(fuse_rename2_in.self, body)
            let texts = try texts(body, after: MemoryLayout<fuse_rename2_in>.size, 2)
            return try move(head.nodeid, texts[0], wanted.newdir, texts[1], flags: wanted.flags, mayWait)
        case FUSE_LINK.rawValue: throw Refusal(code: EPERM)
        case FUSE_OPEN.rawValue: return try open(head.nodeid, try load(fuse_open_in.self, body), mayWait)
        case FUSE_CREATE.rawValue:
            let name = try texts(body, after: MemoryLayout<fuse_create_in>.size)[0]
            return try create(name, in: head.nodeid, try load(fuse_create_in.self, body))
        case FUSE_READ.rawValue: return try read(try load(fuse_read_in.self, body))
        case FUSE_WRITE.rawValue:
            let start = MemoryLayout<fuse_write_in>.size
            let wanted = try load(fuse_write_in.self, body)
            guard body.count >= start + Int(wanted.size) else { throw Refusal(code: EINVAL) }
            return try write(wanted, UnsafeRawBufferPointer(rebasing: body[start..<start + Int(wanted.size)]))
        case FUSE_RELEASE.rawValue, FUSE_RELEASEDIR.rawValue:
            let handle = try load(UInt64.self, body)
            shown.nodes.change { $0.release(handle) }
            return 0
        case FUSE_FSYNC.rawValue, FUSE_FSYNCDIR.rawValue:
            let wanted = try load(fuse_fsync_in.self, body)
            let file = try handle(wanted.fh).descriptor
            if wanted.fsync_flags & 1 != 0 ? fdatasync(file) != 0 : fsync(file) != 0 { throw Refusal(code: errno) }
            return 0
        case FUSE_OPENDIR.rawValue: return try openFolder(head.nodeid)
        case FUSE_READDIR.rawValue: return try list(head.nodeid, try load(fuse_read_in.self, body))
        case FUSE_STATFS.rawValue: return try room()
        case FUSE_SETLK.rawValue: return try lock(try load(fuse_lk_in.self, body), waits: false)
        case FUSE_SETLKW.rawValue: return try lock(try load(fuse_lk_in.self, body), waits: true)
        // Extended attributes among them: the kernel does not ask again.
        default: throw Refusal(code: ENOSYS)
        }
    }

    private func begin(_ body: UnsafeRawBufferPointer) throws -> Int {
        let wanted: [Int32] = [
            FUSE_ASYNC_READ, FUSE_ATOMIC_O_TRUNC, FUSE_BIG_WRITES, FUSE_AUTO_INVAL_DATA, FUSE_PARALLEL_DIROPS,
            FUSE_MAX_PAGES, FUSE_FLOCK_LOCKS,
        ]
        var out = fuse_init_out()
        let code = las_fuse_greet(
            body.baseAddress, body.count, wanted.reduce(0) { $0 | UInt32(bitPattern: $1) }, &out)
        if code != 0 { throw Refusal(code: code) }
        let isLarge = out.flags & UInt32(bitPattern: FUSE_MAX_PAGES) != 0
        (out.max_write, out.max_pages) = (isLarge ? UInt32(Self.pages * 4096) : 128 << 10, UInt16(Self.pages))
        out.time_gran = 1
        return put(out)
    }
}
