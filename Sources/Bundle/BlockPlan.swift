/// Which bytes become which block of an image: known from the files' sizes alone, before anything is read.
///
/// Files of at least a block become blocks of their own, a shorter one for the rest; smaller files share fragment blocks
/// with their neighbours. A fragment block never holds files of two groups.
struct BlockPlan: Sendable {
    struct Piece: Sendable, Equatable {
        /// The file's number in the group.
        let file: Int
        let offset: Int64
        let length: Int
    }

    enum Block: Sendable, Equatable {
        /// The next block of a file.
        case data(Piece)
        case fragment([Piece])

        var pieces: [Piece] {
            switch self {
            case .data(let piece): [piece]
            case .fragment(let pieces): pieces
            }
        }
        var length: Int { pieces.reduce(0) { $0 + $1.length } }
    }

    /// Blocks of one group that follow each other: what one thread takes at a time, and one extent of the image.
    struct Job: Sendable {
        let group: Int
        let blocks: [Block]

        var length: Int { blocks.reduce(0) { $0 + $1.length } }
    }

    /// In the order of the image.
    let jobs: [Job]

    /// A job ends with the first block after this many bytes.
    private static let jobSize = 1 << 20

    /// - Parameter alike: by group, for each of its files the first one with the same bytes, which alone is stored; empty
    ///   where nobody has looked.
    init(_ groups: [[ImageFile]], alike: [[Int]] = [], blockSize: Int) {
        var jobs: [Job] = []
        for (group, files) in groups.enumerated() {
            let first = alike.isEmpty ? Array(files.indices) : alike[group]
            var blocks: [Block] = []
            var length = 0
            func add(_ block: Block) {
                blocks.append(block)
                length += block.length
                guard length >= Self.jobSize else { return }
                jobs.append(Job(group: group, blocks: blocks))
                (blocks, length) = ([], 0)
            }
            var fragment: [Piece] = []
            var filled = 0
            for (number, file) in files.enumerated() where file.size > 0 && first[number] == number {
                if file.size >= blockSize {
                    for offset in stride(from: 0, to: file.size, by: blockSize) {
                        add(
                            .data(
                                Piece(
                                    file: number, offset: offset,
                                    length: Int(min(Int64(blockSize), file.size - offset)))))
                    }
                } else {
                    if filled + Int(file.size) > blockSize {
                        add(.fragment(fragment))
                        (fragment, filled) = ([], 0)
                    }
                    fragment.append(Piece(file: number, offset: 0, length: Int(file.size)))
                    filled += Int(file.size)
                }
            }
            if !fragment.isEmpty { add(.fragment(fragment)) }
            if !blocks.isEmpty { jobs.append(Job(group: group, blocks: blocks)) }
        }
        self.jobs = jobs
    }
}

/// Where a group's bytes lie, from the group's own start.
struct GroupLayout: Sendable, Equatable {
    struct File: Sendable, Equatable {
        /// Of the first block.
        var start: Int64 = 0
        /// As the format stores it: the length, bit 24 set where the block is stored raw, 0 for nothing but zeros.
        var blocks: [UInt32] = []
        /// How many bytes are in no block because they are zeros.
        var sparse: Int64 = 0
        /// For a file smaller than a block.
        var share: Share?
    }

    /// A place in a fragment block.
    struct Share: Sendable, Equatable {
        /// The fragment block's number in the group.
        let fragment: Int
        let offset: Int
    }

    struct Fragment: Sendable, Equatable {
        let start: Int64
        /// As in `File.blocks`.
        let size: UInt32
    }

    var files: [File]
    var fragments: [Fragment] = []
    /// A multiple of 4096.
    var size: Int64 = 0

    init(fileCount: Int) { files = Array(repeating: File(), count: fileCount) }
}
