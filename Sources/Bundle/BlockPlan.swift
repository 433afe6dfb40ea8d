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

    struct Job: Sendable {
        let group: Int
        let block: Block
    }

    /// In the order of the image.
    let jobs: [Job]

    init(_ groups: [[ImageFile]], blockSize: Int) {
        var jobs: [Job] = []
        for (group, files) in groups.enumerated() {
            var fragment: [Piece] = []
            var filled = 0
            for (number, file) in files.enumerated() where file.size > 0 {
                if file.size >= blockSize {
                    for offset in stride(from: 0, to: file.size, by: blockSize) {
                        let piece = Piece(
                            file: number, offset: offset, length: Int(min(Int64(blockSize), file.size - offset)))
                        jobs.append(Job(group: group, block: .data(piece)))
                    }
                } else {
                    if filled + Int(file.size) > blockSize {
                        jobs.append(Job(group: group, block: .fragment(fragment)))
                        (fragment, filled) = ([], 0)
                    }
                    fragment.append(Piece(file: number, offset: 0, length: Int(file.size)))
                    filled += Int(file.size)
                }
            }
            if !fragment.isEmpty { jobs.append(Job(group: group, block: .fragment(fragment))) }
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
