internal import Files
internal import Glibc
internal import Threads

/// Writes the files' blocks: read and compressed on several threads, written in the order of the plan.
///
/// What comes out does not depend on the number of threads.
struct DataWriter {
    let options: ImageOptions

    private struct State {
        var next = 0
        /// The block that is written next, and whether a thread is about it.
        var turn = 0
        var isWriting = false
        var finished: [Int: CompressedBlock] = [:]
        var failure: (any Error)?
    }

    /// - Parameter progress: told how many bytes were read, of all; from any thread, one at a time.
    /// - Returns: a layout for each group, with its start in the image.
    func write(
        _ groups: [[ImageFile]], to output: ImageOutput, progress: @escaping @Sendable (Int64) -> Void
    ) throws -> [(start: Int64, layout: GroupLayout)] {
        let plan = BlockPlan(groups, blockSize: options.blockSize)
        let state = Monitor(State())
        let sink = GroupSink(groups, plan, output)
        // One thread at a time is in the sink: who has set `isWriting`.
        nonisolated(unsafe) let lent = sink
        let window = 4 * max(1, options.threads)
        let options = options
        let blocks = plan.jobs.count

        Workers.run(min(options.threads, max(1, blocks))) { _ in
            do {
                let reader = try BlockReader(options)
                while true {
                    let claimed: Int? = state.await { state in
                        if state.failure != nil || state.next == blocks { return .some(nil) }
                        guard state.next < state.turn + window else { return nil }
                        defer { state.next += 1 }
                        return state.next
                    }
                    guard let number = claimed else { return }
                    let job = plan.jobs[number]
                    let block = try reader.read(job.block, of: groups[job.group])
                    var mine = state.change { state in
                        state.finished[number] = block
                        return Self.takeTurn(&state)
                    }
                    while let (turn, block) = mine {
                        try lent.write(block, turn)
                        progress(Int64(plan.jobs[turn].block.length))
                        mine = state.change { state in
                            state.turn += 1
                            state.isWriting = false
                            return Self.takeTurn(&state)
                        }
                    }
                }
            } catch {
                state.change { if $0.failure == nil { $0.failure = error } }
            }
        }
        if let failure = state.change({ $0.failure }) { throw failure }
        return try sink.finish()
    }

    private static func takeTurn(_ state: inout State) -> (Int, CompressedBlock)? {
        guard !state.isWriting, let block = state.finished.removeValue(forKey: state.turn) else { return nil }
        state.isWriting = true
        return (state.turn, block)
    }
}

/// A block as it goes into the image.
struct CompressedBlock: Sendable {
    let bytes: [UInt8]
    /// The length, bit 24 set where the bytes are stored raw; 0 for nothing but zeros.
    let size: UInt32

    static let raw: UInt32 = 1 << 24
}

/// Reads and compresses blocks, for one thread.
final class BlockReader {
    private let compressor: Compressor
    private let input: UnsafeMutableRawBufferPointer
    private let output: UnsafeMutableRawBufferPointer

    init(_ options: ImageOptions) throws(BundleFailure) {
        compressor = try Compressor(options)
        input = .allocate(byteCount: options.blockSize, alignment: 64)
        output = .allocate(byteCount: Compressor.room(for: options.blockSize), alignment: 64)
    }

    deinit {
        input.deallocate()
        output.deallocate()
    }

    func read(_ block: BlockPlan.Block, of files: [ImageFile]) throws -> CompressedBlock {
        var filled = 0
        for piece in block.pieces {
            let room = UnsafeMutableRawBufferPointer(rebasing: input[filled..<filled + piece.length])
            try read(piece, of: files[piece.file], into: room)
            filled += piece.length
        }
        let bytes = UnsafeRawBufferPointer(rebasing: input[..<filled])
        if case .data = block, Self.isZero(bytes) { return CompressedBlock(bytes: [], size: 0) }
        let count = try compressor.compress(bytes, into: output)
        if count == 0 { return CompressedBlock(bytes: Array(bytes), size: UInt32(filled) | CompressedBlock.raw) }
        return CompressedBlock(bytes: Array(output[..<count]), size: UInt32(count))
    }

    /// Where the first byte is 0 and every byte is like the one before it.
    private static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress, bytes[0] == 0 else { return false }
        return memcmp(start, start + 1, bytes.count - 1) == 0
    }

    private func read(_ piece: BlockPlan.Piece, of file: ImageFile, into room: UnsafeMutableRawBufferPointer) throws {
        let path: String
        switch file.content {
        case .bytes(let bytes):
            bytes.withUnsafeBytes {
                room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(piece.offset)...].prefix(piece.length)))
            }
            return
        case .file(let file): path = file
        }
        let descriptor = try File.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw FileFailure("read", path) }
        guard info.st_mode & S_IFMT == S_IFREG, Int64(info.st_size) == file.size else {
            throw BundleFailure.changed(path)
        }
        var done = 0
        while done < room.count {
            let count = pread(descriptor, room.baseAddress! + done, room.count - done, off_t(piece.offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileFailure("read", path)
            }
            if count == 0 { throw BundleFailure.changed(path) }
            done += count
        }
    }
}

/// Takes the blocks in order, and notes where they lie.
final class GroupSink {
    private let plan: BlockPlan
    private let output: ImageOutput
    private let fileCounts: [Int]
    private var done: [(start: Int64, layout: GroupLayout)] = []
    private var start: Int64
    private var layout: GroupLayout

    init(_ groups: [[ImageFile]], _ plan: BlockPlan, _ output: ImageOutput) {
        (self.plan, self.output) = (plan, output)
        fileCounts = groups.map(\.count)
        start = output.position
        layout = GroupLayout(fileCount: fileCounts.first ?? 0)
    }

    func write(_ block: CompressedBlock, _ number: Int) throws {
        let job = plan.jobs[number]
        while done.count < job.group { try endGroup() }
        let here = output.position - start
        switch job.block {
        case .data(let piece):
            if piece.offset == 0 { layout.files[piece.file].start = here }
            layout.files[piece.file].blocks.append(block.size)
            if block.size == 0 { layout.files[piece.file].sparse += Int64(piece.length) }
        case .fragment(let pieces):
            var offset = 0
            for piece in pieces {
                layout.files[piece.file].share = .init(fragment: layout.fragments.count, offset: offset)
                offset += piece.length
            }
            layout.fragments.append(.init(start: here, size: block.size))
        }
        try block.bytes.withUnsafeBytes { try output.append($0) }
    }

    private func endGroup() throws {
        try output.align()
        layout.size = output.position - start
        done.append((start, layout))
        start = output.position
        layout = GroupLayout(fileCount: done.count < fileCounts.count ? fileCounts[done.count] : 0)
    }

    func finish() throws -> [(start: Int64, layout: GroupLayout)] {
        while done.count < fileCounts.count { try endGroup() }
        return done
    }
}
