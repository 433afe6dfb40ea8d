internal import CLinux
internal import Glibc
internal import Threads

/// Answers what the kernel asks of an image that is mounted by FUSE.
///
/// The kernel is told that nothing ever changes: it keeps names, attributes and contents, and opens files without asking.
/// Nodes have no state here: a node's number says where its inode is.
package final class ImageServer: Sendable {
    /// /dev/fuse, mounted.
    private let device: Int32
    private let image: Image
    private let tree: ServedTree
    private let cache: BlockCache

    private static let cacheSize = 16 << 20
    /// Threads for each image: reading is decompressing, so more than processors are of no use.
    private static let threads = 2...8

    package init(_ reader: ImageReader, device: Int32) throws(UnpackFailure) {
        (self.device, image) = (device, reader.image)
        tree = try ServedTree(reader.image)
        cache = BlockCache(atMost: Self.cacheSize)
    }

    /// Serves all of them until nothing has any of them mounted any more.
    package static func serve(_ servers: [ImageServer]) {
        let each = min(max(threads.lowerBound, Workers.processors), threads.upperBound)
        Workers.run(servers.count * each) { number in servers[number % servers.count].work() }
    }

    /// What it needs to stay open.
    package var descriptors: [Int32] { [device, image.descriptor] }

    private func work() {
        guard var session = try? Session(device, image, tree, cache) else { return }
        while session.answerNext() {}
    }
}

/// One thread's: a request after another.
private struct Session {
    private let device: Int32
    private let image: Image
    private let tree: ServedTree
    private let files: ServedFile
    private let request: UnsafeMutableRawBufferPointer
    private let reply: UnsafeMutableRawBufferPointer

    private static let requestSize = 64 << 10
    private static let pages = 256
    private static let headSize = MemoryLayout<fuse_out_header>.size
    private static let requestHeadSize = MemoryLayout<fuse_in_header>.size
    /// A year: nothing changes.
    private static let validity: UInt64 = 365 * 86_400

    init(_ device: Int32, _ image: Image, _ tree: ServedTree, _ cache: BlockCache) throws(UnpackFailure) {
        (self.device, self.image, self.tree) = (device, image, tree)
        files = try ServedFile(tree, cache)
        // For as long as the process lives.
        request = .allocate(byteCount: Self.requestSize, alignment: 64)
        reply = .allocate(byteCount: Self.headSize + Self.pages * 4096, alignment: 64)
    }

    private struct Refusal: Error { let code: Int32 }

    /// - Returns: false where nothing has it mounted any more.
    mutating func answerNext() -> Bool {
        let count = read(device, request.baseAddress, request.count)
        if count < 0 { return errno == EINTR || errno == EAGAIN || errno == ENOENT }
        guard count >= Self.requestHeadSize else { return false }
        let head = request.loadUnaligned(as: fuse_in_header.self)
        let body = UnsafeRawBufferPointer(rebasing: request[Self.requestHeadSize..<count])
        do {
            guard let length = try answer(head, body) else { return true }
            send(head.unique, length: length, error: 0)
        } catch let refusal as Refusal {
            send(head.unique, length: 0, error: refusal.code)
        } catch {
            send(head.unique, length: 0, error: EIO)
        }
        return true
    }

    private func send(_ unique: UInt64, length: Int, error: Int32) {
        let whole = Self.headSize + length
        reply.storeBytes(
            of: fuse_out_header(len: UInt32(whole), error: -error, unique: unique), as: fuse_out_header.self)
        // ENOENT: who asked has gone away.
        while write(device, reply.baseAddress, whole) < 0, errno == EINTR {}
    }

    private var payload: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: reply[Self.headSize...])
    }

    /// - Returns: how many bytes of the reply are filled; nil where no reply is expected.
    private func answer(_ head: fuse_in_header, _ body: UnsafeRawBufferPointer) throws -> Int? {
        switch head.opcode {
        case FUSE_INIT.rawValue: return try begin(body)
        case FUSE_LOOKUP.rawValue:
            guard let listing = try tree.listing(reference(head.nodeid)) else { throw Refusal(code: ENOTDIR) }
            let name = UnsafeRawBufferPointer(rebasing: body.prefix { $0 != 0 })
            // A name that is not there is kept too.
            var entry = fuse_entry_out()
            entry.entry_valid = Self.validity
            if let found = listing[name] {
                let node = try tree.node(found.reference)
                (entry.nodeid, entry.attr_valid) = (number(found.reference), Self.validity)
                entry.attr = attributes(node)
            }
            return put(entry)
        case FUSE_GETATTR.rawValue:
            var out = fuse_attr_out()
            out.attr_valid = Self.validity
            out.attr = attributes(try tree.node(reference(head.nodeid)))
            return put(out)
        case FUSE_READLINK.rawValue:
            guard case .link(let target) = try tree.node(reference(head.nodeid)).inode.kind else {
                throw Refusal(code: EINVAL)
            }
            payload.copyBytes(from: target)
            return target.count
        case FUSE_READ.rawValue:
            let wanted = try load(fuse_read_in.self, body)
            let node = try tree.node(reference(head.nodeid))
            let room = payload.prefix(Int(wanted.size))
            return try files.read(
                node, at: Int64(clamping: wanted.offset), into: UnsafeMutableRawBufferPointer(rebasing: room))
        case FUSE_READDIR.rawValue: return try list(head.nodeid, try load(fuse_read_in.self, body))
        case FUSE_STATFS.rawValue:
            var out = fuse_statfs_out()
            (out.st.bsize, out.st.frsize, out.st.namelen) = (UInt32(image.blockSize), UInt32(image.blockSize), 255)
            out.st.blocks = UInt64((image.size + Int64(image.blockSize) - 1) / Int64(image.blockSize))
            out.st.files = UInt64(image.inodeCount)
            return put(out)
        case FUSE_GETXATTR.rawValue where image.attributeTable != nil:
            let wanted = try load(fuse_getxattr_in.self, body)
            let name = body[MemoryLayout<fuse_getxattr_in>.size...].prefix { $0 != 0 }
            let attributes = try tree.attributes(reference(head.nodeid))
            guard let found = attributes.first(where: { $0.name.utf8.elementsEqual(name) }) else {
                throw Refusal(code: ENODATA)
            }
            return try put(found.value, wanted)
        case FUSE_LISTXATTR.rawValue where image.attributeTable != nil:
            let names = try tree.attributes(reference(head.nodeid)).map { $0.name + "\0" }
            return try put(Array(names.joined().utf8), try load(fuse_getxattr_in.self, body))
        case FUSE_FORGET.rawValue, FUSE_BATCH_FORGET.rawValue, FUSE_INTERRUPT.rawValue: return nil
        case FUSE_DESTROY.rawValue: return 0
        // Also what opens: the kernel does that by itself then; and attributes of an image without: it does not ask again.
        default: throw Refusal(code: ENOSYS)
        }
    }

    private func begin(_ body: UnsafeRawBufferPointer) throws -> Int {
        let wanted: [Int32] = [
            FUSE_ASYNC_READ, FUSE_PARALLEL_DIROPS, FUSE_MAX_PAGES, FUSE_CACHE_SYMLINKS, FUSE_NO_OPEN_SUPPORT,
            FUSE_NO_OPENDIR_SUPPORT,
        ]
        var out = fuse_init_out()
        let code = las_fuse_greet(
            body.baseAddress, body.count, wanted.reduce(0) { $0 | UInt32(bitPattern: $1) }, &out)
        if code != 0 { throw Refusal(code: code) }
        (out.max_write, out.max_pages, out.time_gran) = (4096, UInt16(Self.pages), 1_000_000_000)
        return put(out)
    }

    /// From the entry on that the offset counts: “.” and “..” first.
    private func list(_ node: UInt64, _ wanted: fuse_read_in) throws -> Int {
        guard let listing = try tree.listing(reference(node)) else { throw Refusal(code: ENOTDIR) }
        let own = try tree.node(reference(node)).inode.number
        let room = payload.prefix(Int(wanted.size))
        var filled = 0
        for position in Int(clamping: wanted.offset)..<max(Int(clamping: wanted.offset), listing.entries.count + 2) {
            let dots: [[UInt8]] = [[0x2e], [0x2e, 0x2e]]
            let entry =
                position < 2
                ? DirectoryEntry(name: dots[position], reference: 0, number: own, type: 1)
                : listing.entries[position - 2]
            let size = (24 + entry.name.count + 7) & ~7
            if filled + size > room.count { break }
            let place = UnsafeMutableRawBufferPointer(rebasing: room[filled..<filled + size])
            place.storeBytes(of: UInt64(entry.number), as: UInt64.self)
            place.storeBytes(of: UInt64(position + 1), toByteOffset: 8, as: UInt64.self)
            place.storeBytes(of: UInt32(entry.name.count), toByteOffset: 16, as: UInt32.self)
            place.storeBytes(of: kind(of: entry), toByteOffset: 20, as: UInt32.self)
            UnsafeMutableRawBufferPointer(rebasing: place[24...]).initializeMemory(as: UInt8.self, repeating: 0)
            UnsafeMutableRawBufferPointer(rebasing: place[24...]).copyBytes(from: entry.name)
            filled += size
        }
        return filled
    }

    private func kind(of entry: DirectoryEntry) -> UInt32 {
        switch entry.type {
        case 1, 8: 4
        case 2, 9: 8
        case 3, 10: 10
        default: 0
        }
    }

    private func attributes(_ node: ServedTree.Node) -> fuse_attr {
        let inode = node.inode
        var attributes = fuse_attr()
        let (kind, size): (UInt32, Int64) =
            switch inode.kind {
            case .folder(_, let size): (UInt32(S_IFDIR), Int64(size))
            case .file(let data): (UInt32(S_IFREG), data.size)
            case .link(let target): (UInt32(S_IFLNK), Int64(target.count))
            }
        (attributes.ino, attributes.size) = (UInt64(inode.number), UInt64(size))
        attributes.blocks = UInt64((size + 511) / 512)
        let time = UInt64(inode.modified)
        (attributes.atime, attributes.mtime, attributes.ctime) = (time, time, time)
        (attributes.mode, attributes.nlink) = (kind | inode.mode, inode.links)
        attributes.blksize = UInt32(image.blockSize)
        return attributes
    }

    /// FUSE's root is number 1; a reference has at most 48 bits.
    private func number(_ reference: UInt64) -> UInt64 { reference == image.rootInode ? 1 : reference + 2 }
    private func reference(_ number: UInt64) -> UInt64 { number <= 1 ? image.rootInode : number - 2 }

    private func put<Value: BitwiseCopyable>(_ value: Value) -> Int {
        payload.storeBytes(of: value, as: Value.self)
        return MemoryLayout<Value>.size
    }

    /// How long it is, for who gives no room.
    private func put(_ bytes: [UInt8], _ wanted: fuse_getxattr_in) throws -> Int {
        if wanted.size == 0 { return put(fuse_getxattr_out(size: UInt32(bytes.count), padding: 0)) }
        guard bytes.count <= wanted.size, bytes.count <= payload.count else { throw Refusal(code: ERANGE) }
        payload.copyBytes(from: bytes)
        return bytes.count
    }

    private func load<Value: BitwiseCopyable>(_: Value.Type, _ body: UnsafeRawBufferPointer) throws -> Value {
        guard body.count >= MemoryLayout<Value>.size else { throw Refusal(code: EINVAL) }
        return body.loadUnaligned(as: Value.self)
    }
}
