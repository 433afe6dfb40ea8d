internal import Files
internal import Threads

/// What is asked about an image's tree, by any thread: inodes and folders, those of late kept.
final class ServedTree: Sendable {
    /// An inode, ready to be read from.
    final class Node: Sendable {
        let inode: Inode
        /// Of a file: where each of its blocks begins in the image.
        let positions: [Int64]

        init(_ inode: Inode) {
            self.inode = inode
            guard case .file(let data) = inode.kind else {
                positions = []
                return
            }
            var next = data.start
            positions = data.blocks.map { size in
                defer { next += Int64(size & 0x00ff_ffff) }
                return next
            }
        }
    }

    /// A folder's names, sorted bytewise.
    final class Listing: Sendable {
        let entries: [DirectoryEntry]

        init(_ entries: [DirectoryEntry]) {
            let isSorted = zip(entries, entries.dropFirst()).allSatisfy { Self.order($0.name, $1.name) < 0 }
            self.entries = isSorted ? entries : entries.sorted { Self.order($0.name, $1.name) < 0 }
        }

        subscript(name: UnsafeRawBufferPointer) -> DirectoryEntry? {
            var (low, high) = (0, entries.count)
            while low < high {
                let middle = (low + high) / 2
                let order = entries[middle].name.withUnsafeBytes { Self.order($0, name) }
                if order == 0 { return entries[middle] }
                if order < 0 { low = middle + 1 } else { high = middle }
            }
            return nil
        }

        private static func order(_ left: [UInt8], _ right: [UInt8]) -> Int {
            left.withUnsafeBytes { left in right.withUnsafeBytes { order(left, $0) } }
        }

        private static func order(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
            for position in 0..<min(left.count, right.count) where left[position] != right[position] {
                return left[position] < right[position] ? -1 : 1
            }
            return left.count - right.count
        }
    }

    private struct State {
        let metadata: MetadataReader
        var nodes: [UInt64: Node] = [:]
        var blocks = 0
        var listings: [UInt64: Listing] = [:]
        var names = 0
    }

    let image: Image
    let fragments: [(start: Int64, size: UInt32)]
    private let state: Monitor<State>

    /// How much is kept, about 16 MB of each; then all of it is forgotten.
    private static let most = (nodes: 1 << 16, blocks: 1 << 20, names: 1 << 17)

    init(_ image: Image) throws(UnpackFailure) {
        self.image = image
        let metadata = try MetadataReader(image)
        fragments = try image.fragments(metadata)
        state = Monitor(State(metadata: metadata))
    }

    /// - Parameter reference: where its inode is.
    func node(_ reference: UInt64) throws -> Node {
        try state.change { state in
            if let node = state.nodes[reference] { return node }
            if state.nodes.count >= Self.most.nodes || state.blocks >= Self.most.blocks {
                state.nodes.removeAll()
                state.blocks = 0
            }
            state.metadata.renewBudget()
            let node = Node(try state.metadata.inode(reference))
            state.nodes[reference] = node
            state.blocks += node.positions.count
            return node
        }
    }

    func attributes(_ reference: UInt64) throws -> [FileAttribute] {
        let inode = try node(reference).inode
        return try state.change { try $0.metadata.attributes(of: inode) }
    }

    /// nil for what is no folder.
    func listing(_ reference: UInt64) throws -> Listing? {
        let node = try node(reference)
        guard case .folder(let cursor, let size) = node.inode.kind else { return nil }
        return try state.change { state in
            if let listing = state.listings[reference] { return listing }
            if state.names >= Self.most.names {
                state.listings.removeAll()
                state.names = 0
            }
            let listing = Listing(try state.metadata.list(cursor, size: size))
            state.listings[reference] = listing
            state.names += listing.entries.count + 1
            return listing
        }
    }
}
