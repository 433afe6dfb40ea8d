internal import Files

/// Reads inodes and directories, for one thread: blocks of up to 8192 bytes, the last ones read kept.
final class MetadataReader {
    /// A place in the metadata.
    struct Cursor {
        /// Where the block begins in the image.
        var block: Int64
        /// In the decompressed block.
        var offset: Int
    }

    private struct Block {
        let bytes: [UInt8]
        let next: Int64
    }

    let image: Image
    private let decompressor: Decompressor
    private var blocks: [Int64: Block] = [:]
    private var order: [Int64] = []
    private static let kept = 64
    /// How many blocks of files may still be noted: 2 TB at the usual block size, 64 MB of memory.
    private var blockBudget = MetadataReader.mostBlocks
    private static let mostBlocks = 1 << 24

    init(_ image: Image) throws(UnpackFailure) {
        self.image = image
        decompressor = try Decompressor(image)
    }

    /// What was noted so far is not held any more.
    func renewBudget() { blockBudget = Self.mostBlocks }

    func read(_ count: Int, at cursor: inout Cursor) throws(UnpackFailure) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(min(count, Image.metadataSize))
        while result.count < count {
            let block = try block(at: cursor.block)
            guard cursor.offset < block.bytes.count else {
                throw .damaged("its tables point behind their end", in: image.path)
            }
            let taken = min(count - result.count, block.bytes.count - cursor.offset)
            result.append(contentsOf: block.bytes[cursor.offset..<cursor.offset + taken])
            cursor.offset += taken
            if cursor.offset == block.bytes.count { cursor = Cursor(block: block.next, offset: 0) }
        }
        return result
    }

    private func block(at position: Int64) throws(UnpackFailure) -> Block {
        if let block = blocks[position] { return block }
        var header = LittleEndian(try image.read(at: position, count: 2))
        let word = Int(header.number(UInt16.self))
        let (count, isCompressed) = (word & 0x7fff, word & 0x8000 == 0)
        var failure: UnpackFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: Image.metadataSize) { buffer, filled in
            do throws(UnpackFailure) {
                filled = try decompressor.read(
                    at: position + 2, count: count, isCompressed: isCompressed,
                    into: UnsafeMutableRawBufferPointer(buffer))
            } catch { failure = error }
        }
        if let failure { throw failure }
        if order.count == Self.kept { blocks[order.removeFirst()] = nil }
        let block = Block(bytes: bytes, next: position + 2 + Int64(count))
        blocks[position] = block
        order.append(position)
        return block
    }
}

/// What the image says about one thing in it.
struct Inode {
    struct FileData {
        /// Of the first block.
        let start: Int64
        let size: Int64
        let fragment: (number: Int, offset: Int)?
        /// How the blocks are stored; 0 for nothing but zeros.
        let blocks: [UInt32]
    }

    enum Kind {
        case folder(listing: MetadataReader.Cursor, size: Int)
        case file(FileData)
        case link(target: [UInt8])
    }

    let kind: Kind
    /// Permission bits: of a file without setuid, setgid and sticky.
    let mode: UInt32
    let modified: UInt32
    let links: UInt32
    let number: UInt32
    /// Its extended attributes' number in their table.
    var attributes: UInt32 = Inode.noAttributes

    static let noAttributes: UInt32 = 0xffff_ffff
}

/// A name in a folder.
struct DirectoryEntry {
    let name: [UInt8]
    /// Where its inode is.
    let reference: UInt64
    let number: UInt32
    /// 1 a folder, 2 a file, 3 a link.
    let type: UInt16
}

extension MetadataReader {
    func inode(_ reference: UInt64) throws(UnpackFailure) -> Inode {
        guard reference >> 16 < 1 << 40 else { throw .damaged("an inode lies outside of its table", in: image.path) }
        var cursor = Cursor(block: image.inodeTable + Int64(reference >> 16), offset: Int(reference & 0xffff))
        var head = LittleEndian(try read(16, at: &cursor))
        let (type, mode) = (head.number(UInt16.self), UInt32(head.number(UInt16.self)))
        head.skip(4)
        let modified = head.number(UInt32.self)
        let common = (mode: mode, modified: modified, number: head.number(UInt32.self))
        switch type {
        case 1:
            var body = LittleEndian(try read(16, at: &cursor))
            let (block, links) = (body.number(UInt32.self), body.number(UInt32.self))
            let (size, offset) = (body.number(UInt16.self), body.number(UInt16.self))
            return folder(block, Int(offset), Int(size), common, links)
        case 8:
            var body = LittleEndian(try read(24, at: &cursor))
            let (links, size, block) = (body.number(UInt32.self), body.number(UInt32.self), body.number(UInt32.self))
            body.skip(6)
            var inode = folder(block, Int(body.number(UInt16.self)), Int(size), common, links)
            inode.attributes = body.number(UInt32.self)
            return inode
        case 2:
            var body = LittleEndian(try read(16, at: &cursor))
            let (start, fragment) = (body.number(UInt32.self), body.number(UInt32.self))
            let (offset, size) = (body.number(UInt32.self), body.number(UInt32.self))
            let data = try data(UInt64(start), UInt64(size), fragment, offset, at: &cursor)
            return Inode(
                kind: .file(data), mode: mode & 0o777, modified: modified, links: 1, number: common.number)
        case 9:
            var body = LittleEndian(try read(40, at: &cursor))
            let (start, size) = (body.number(UInt64.self), body.number(UInt64.self))
            body.skip(8)
            let (links, fragment, offset, attributes) = (
                body.number(UInt32.self), body.number(UInt32.self), body.number(UInt32.self), body.number(UInt32.self)
            )
            let data = try data(start, size, fragment, offset, at: &cursor)
            return Inode(
                kind: .file(data), mode: mode & 0o777, modified: modified, links: links, number: common.number,
                attributes: attributes)
        case 3, 10:
            var body = LittleEndian(try read(8, at: &cursor))
            let (links, count) = (body.number(UInt32.self), body.number(UInt32.self))
            guard (1..<4096).contains(count) else { throw .damaged("a link has an impossible target", in: image.path) }
            let target = try read(Int(count), at: &cursor)
            if target.contains(0) { throw .damaged("a link has an impossible target", in: image.path) }
            return Inode(
                kind: .link(target: target), mode: 0o777, modified: modified, links: links, number: common.number)
        default: throw .damaged("it holds something that is no file, folder or link", in: image.path)
        }
    }

    private func folder(
        _ block: UInt32, _ offset: Int, _ size: Int, _ common: (mode: UInt32, modified: UInt32, number: UInt32),
        _ links: UInt32
    ) -> Inode {
        let listing = Cursor(block: image.directoryTable + Int64(block), offset: offset)
        // The format counts three bytes that are not there.
        return Inode(
            kind: .folder(listing: listing, size: max(0, size - 3)), mode: common.mode & 0o1777,
            modified: common.modified, links: links, number: common.number)
    }

    private func data(
        _ start: UInt64, _ size: UInt64, _ fragment: UInt32, _ offset: UInt32, at cursor: inout Cursor
    ) throws(UnpackFailure) -> Inode.FileData {
        guard start < 1 << 48, size < 1 << 48 else { throw .damaged("a file has an impossible size", in: image.path) }
        let hasFragment = fragment != 0xffff_ffff
        let whole = Int(size) / image.blockSize
        let count = hasFragment || Int(size) % image.blockSize == 0 ? whole : whole + 1
        let budget = blockBudget - count
        guard budget >= 0 else { throw .damaged("its files have more blocks than any disk", in: image.path) }
        blockBudget = budget
        var numbers = LittleEndian(try read(count * 4, at: &cursor))
        let blocks = (0..<count).map { _ in numbers.number(UInt32.self) }
        return Inode.FileData(
            start: Int64(start), size: Int64(size), fragment: hasFragment ? (Int(fragment), Int(offset)) : nil,
            blocks: blocks)
    }

    /// Names are checked: they can't lead anywhere but into the folder itself.
    func list(_ listing: Cursor, size: Int) throws(UnpackFailure) -> [DirectoryEntry] {
        var cursor = listing
        var entries: [DirectoryEntry] = []
        var left = size
        while left > 0 {
            var header = LittleEndian(try read(12, at: &cursor))
            let (count, block) = (header.number(UInt32.self), header.number(UInt32.self))
            let number = header.number(UInt32.self)
            guard count < 256 else { throw .damaged("a folder’s list is broken", in: image.path) }
            left -= 12
            for _ in 0...count {
                var entry = LittleEndian(try read(8, at: &cursor))
                let offset = entry.number(UInt16.self)
                let difference = Int16(bitPattern: entry.number(UInt16.self))
                let type = entry.number(UInt16.self)
                let length = Int(entry.number(UInt16.self)) + 1
                guard length <= 255 else { throw .damaged("a name is too long", in: image.path) }
                let name = try read(length, at: &cursor)
                left -= 8 + length
                let isSafe =
                    !name.contains(0) && !name.contains(UInt8(ascii: "/")) && name != [0x2e] && name != [0x2e, 0x2e]
                guard isSafe else { throw .damaged("a name leads out of its folder", in: image.path) }
                entries.append(
                    DirectoryEntry(
                        name: name, reference: UInt64(block) << 16 | UInt64(offset),
                        number: number &+ UInt32(truncatingIfNeeded: difference), type: type))
            }
        }
        guard left == 0 else { throw .damaged("a folder’s list is broken", in: image.path) }
        return entries
    }
}
