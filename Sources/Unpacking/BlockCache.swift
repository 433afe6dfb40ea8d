internal import Threads

/// Blocks of late, decompressed, shared by threads: the kernel asks for pieces of one in several requests.
final class BlockCache: Sendable {
    final class Block: @unchecked Sendable {
        /// Written before another thread gets it, and never after.
        let bytes: UnsafeMutableRawBufferPointer
        init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }
        deinit { bytes.deallocate() }
    }

    private enum Entry {
        /// A thread decompresses it.
        case coming
        case here(Block, used: UInt64)
    }

    private struct State {
        var entries: [Int64: Entry] = [:]
        var size = 0
        var clock: UInt64 = 0
    }

    private let most: Int
    private let state = Monitor(State())

    /// - Parameter bytes: of all that is kept.
    init(atMost bytes: Int) { most = bytes }

    /// The block that begins there; `read` is called where it is not kept, by one thread at a time for each.
    func block(at position: Int64, read: () throws -> Block) throws -> Block {
        let found: Block? = state.await { state in
            state.clock += 1
            switch state.entries[position] {
            case .coming: return .none
            case .here(let block, _):
                state.entries[position] = .here(block, used: state.clock)
                return .some(block)
            case nil:
                state.entries[position] = .coming
                return .some(nil)
            }
        }
        if let found { return found }
        do {
            let block = try read()
            state.change { state in
                state.size += block.bytes.count
                state.entries[position] = .here(block, used: state.clock)
                while state.size > most, Self.forgetOldest(&state, but: position) {}
            }
            return block
        } catch {
            state.change { $0.entries[position] = nil }
            throw error
        }
    }

    private static func forgetOldest(_ state: inout State, but kept: Int64) -> Bool {
        var oldest: (position: Int64, block: Block, used: UInt64)?
        for (position, entry) in state.entries where position != kept {
            if case .here(let block, let used) = entry, used < oldest?.used ?? .max { oldest = (position, block, used) }
        }
        guard let oldest else { return false }
        state.entries[oldest.position] = nil
        state.size -= oldest.block.bytes.count
        return true
    }
}
