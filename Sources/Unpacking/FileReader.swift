/// Reads files' data, for one thread. The last fragment block is kept: small files lie beside each other.
final class FileReader {
    private let image: Image
    private let fragments: [(start: Int64, size: UInt32)]
    private let decompressor: Decompressor
    private let block: UnsafeMutableRawBufferPointer
    private let fragment: UnsafeMutableRawBufferPointer
    private var held: (number: Int, count: Int)?

    init(_ image: Image, fragments: [(start: Int64, size: UInt32)]) throws(UnpackFailure) {
        (self.image, self.fragments) = (image, fragments)
        decompressor = try Decompressor(image)
        block = .allocate(byteCount: image.blockSize, alignment: 64)
        fragment = .allocate(byteCount: image.blockSize, alignment: 64)
    }

    deinit {
        block.deallocate()
        fragment.deallocate()
    }

    /// Hands out what is not a hole, in order.
    func read(
        _ data: Inode.FileData, _ body: (_ offset: Int64, UnsafeRawBufferPointer) throws(UnpackFailure) -> Void
    ) throws(UnpackFailure) {
        var position = data.start
        for number in data.blocks.indices {
            let size = data.blocks[number]
            let offset = Int64(number) * Int64(image.blockSize)
            if size == 0 { continue }
            let expected = Int(min(Int64(image.blockSize), data.size - offset))
            let count = try decompressor.read(at: position, size: size, into: block)
            guard count == expected else { throw .damaged("a block is not as long as its file says", in: image.path) }
            try body(offset, UnsafeRawBufferPointer(rebasing: block[..<count]))
            position += Int64(size & 0x00ff_ffff)
        }
        guard let share = data.fragment else { return }
        let offset = Int64(data.blocks.count) * Int64(image.blockSize)
        let count = Int(data.size - offset)
        let held = try hold(share.number)
        guard share.offset <= held, count <= held - share.offset else {
            throw .damaged("a file reaches out of its fragment", in: image.path)
        }
        if count > 0 {
            try body(offset, UnsafeRawBufferPointer(rebasing: fragment[share.offset..<share.offset + count]))
        }
    }

    private func hold(_ number: Int) throws(UnpackFailure) -> Int {
        if let held, held.number == number { return held.count }
        guard number < fragments.count else {
            throw .damaged("a file has a fragment that is not there", in: image.path)
        }
        held = nil
        let count = try decompressor.read(at: fragments[number].start, size: fragments[number].size, into: fragment)
        held = (number, count)
        return count
    }
}
