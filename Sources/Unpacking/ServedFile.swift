/// Reads pieces of files, for one thread.
final class ServedFile {
    private let tree: ServedTree
    private let cache: BlockCache
    private let decompressor: Decompressor

    init(_ tree: ServedTree, _ cache: BlockCache) throws(UnpackFailure) {
        (self.tree, self.cache) = (tree, cache)
        decompressor = try Decompressor(tree.image)
    }

    /// - Returns: how many bytes of `room` are filled: fewer than it has at the file's end only.
    func read(
        _ node: ServedTree.Node, at offset: Int64, into room: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        guard case .file(let data) = node.inode.kind, offset >= 0, offset < data.size else { return 0 }
        let wanted = Int(min(Int64(room.count), data.size - offset))
        let blockSize = tree.image.blockSize
        var done = 0
        while done < wanted {
            let position = offset + Int64(done)
            let number = Int(position / Int64(blockSize))
            let within = Int(position % Int64(blockSize))
            let length = Int(min(Int64(blockSize), data.size - Int64(number) * Int64(blockSize)))
            let count = min(wanted - done, length - within)
            let target = UnsafeMutableRawBufferPointer(rebasing: room[done..<done + count])
            if number < data.blocks.count {
                let (start, size) = (node.positions[number], data.blocks[number])
                if size == 0 {
                    target.initializeMemory(as: UInt8.self, repeating: 0)
                } else if count == length {
                    guard try decompressor.read(at: start, size: size, into: target) == length else {
                        throw wrongLength
                    }
                } else {
                    try copy(try block(start, size), from: within, to: target, of: length)
                }
            } else {
                guard let share = data.fragment, share.number < tree.fragments.count else {
                    throw UnpackFailure.damaged("a file has a fragment that is not there", in: tree.image.path)
                }
                let fragment = tree.fragments[share.number]
                try copy(try block(fragment.start, fragment.size), from: share.offset + within, to: target, of: nil)
            }
            done += count
        }
        return wanted
    }

    private var wrongLength: UnpackFailure {
        .damaged("a block is not as long as its file says", in: tree.image.path)
    }

    private func copy(
        _ block: BlockCache.Block, from: Int, to target: UnsafeMutableRawBufferPointer, of length: Int?
    ) throws {
        guard length == nil || block.bytes.count == length, from <= block.bytes.count,
            target.count <= block.bytes.count - from
        else { throw wrongLength }
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: block.bytes[from..<from + target.count]))
    }

    private func block(_ start: Int64, _ size: UInt32) throws -> BlockCache.Block {
        try cache.block(at: start) {
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: tree.image.blockSize, alignment: 64)
            do {
                let count = try decompressor.read(at: start, size: size, into: room)
                return BlockCache.Block(UnsafeMutableRawBufferPointer(start: room.baseAddress, count: count))
            } catch {
                room.deallocate()
                throw error
            }
        }
    }
}
