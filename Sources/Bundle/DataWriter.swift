internal import Digests
internal import Files
internal import Threads

/// Where the blocks of groups go; the groups come in order, each begun and ended once.
protocol GroupTarget: SendableMetatype {
    /// What the group's blocks are written to, from where it is on.
    mutating func begin(_ group: Int) throws -> BlockOutput
    /// The group is whole, and its output aligned.
    mutating func end(_ group: Int, _ layout: GroupLayout) throws
}

/// Writes the files' blocks: read, compressed and hashed on several threads, written in the order of the plan.
///
/// What comes out does not depend on the number of threads.
struct DataWriter {
    let options: ImageOptions

    private struct State {
        var next = 0
        /// The job that is written next, and whether a thread is about it.
        var turn = 0
        var isWriting = false
        var finished: [Int: CompressedJob] = [:]
        var rooms: [JobRoom] = []
        var failure: (any Error)?
    }

    /// - Parameters:
    ///   - digests: by group, those of its files where they are known.
    ///   - progress: told how many bytes were read, of all; from any thread, one at a time.
    /// - Returns: the target, which has all groups.
    func write<Target: GroupTarget>(
        _ groups: [[ImageFile]], digests: [[Digest]?] = [], to target: Target,
        progress: @escaping @Sendable (Int64) -> Void
    ) throws -> Target {
        let alike = try Alike(threads: options.threads).find(groups, known: digests)
        let plan = BlockPlan(groups, alike: alike, blockSize: options.blockSize)
        let state = Monitor(State())
        let sink = GroupSink(groups, alike, plan, target)
        // One thread at a time is in the sink: who has set `isWriting`.
        nonisolated(unsafe) let lent = sink
        let window = 4 * max(1, options.threads)
        let options = options
        let jobs = plan.jobs.count

        Workers.run(min(options.threads, max(1, jobs))) { _ in
            do {
                let reader = try BlockReader(options)
                while true {
                    let claimed: (Int, JobRoom?)? = state.await { state in
                        if state.failure != nil || state.next == jobs { return .some(nil) }
                        guard state.next < state.turn + window else { return nil }
                        defer { state.next += 1 }
                        return (state.next, state.rooms.popLast())
                    }
                    guard let (number, room) = claimed else { return }
                    let job = plan.jobs[number]
                    let done = try reader.read(job, of: groups[job.group], into: room ?? JobRoom())
                    var mine = state.change { state in
                        state.finished[number] = done
                        return Self.takeTurn(&state)
                    }
                    while let (turn, job) = mine {
                        try lent.write(job, turn)
                        progress(Int64(plan.jobs[turn].length))
                        mine = state.change { state in
                            state.turn += 1
                            state.isWriting = false
                            state.rooms.append(job.room)
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

    private static func takeTurn(_ state: inout State) -> (Int, CompressedJob)? {
        guard !state.isWriting, let job = state.finished.removeValue(forKey: state.turn) else { return nil }
        state.isWriting = true
        return (state.turn, job)
    }
}

/// Takes the jobs' blocks in order, and notes where they lie.
private final class GroupSink<Target: GroupTarget> {
    private let plan: BlockPlan
    private let alike: [[Int]]
    private var target: Target
    /// The group that is being written; the next one begins with its first job.
    private var group = -1
    private var output: BlockOutput?
    private var start: Int64 = 0
    private var layout = GroupLayout(fileCount: 0)

    init(_ groups: [[ImageFile]], _ alike: [[Int]], _ plan: BlockPlan, _ target: Target) {
        (self.plan, self.alike, self.target) = (plan, alike, target)
    }

    func write(_ done: CompressedJob, _ number: Int) throws {
        let job = plan.jobs[number]
        while group < job.group { try beginNext() }
        guard let output else { return }
        var here = output.position - start
        for (block, size) in zip(job.blocks, done.sizes) {
            switch block {
            case .data(let piece):
                if piece.offset == 0 { layout.files[piece.file].start = here }
                layout.files[piece.file].blocks.append(size)
                if size == 0 { layout.files[piece.file].sparse += Int64(piece.length) }
            case .fragment(let pieces):
                var offset = 0
                for piece in pieces {
                    layout.files[piece.file].share = .init(fragment: layout.fragments.count, offset: offset)
                    offset += piece.length
                }
                layout.fragments.append(.init(start: here, size: size))
            }
            here += Int64(size & ~CompressedJob.raw)
        }
        try output.append(done.bytes, hashed: done.hasher)
    }

    private func beginNext() throws {
        try end()
        group += 1
        let next = try target.begin(group)
        (output, start) = (next, next.position)
        layout = GroupLayout(fileCount: alike[group].count)
    }

    private func end() throws {
        guard let output else { return }
        try output.align()
        layout.size = output.position - start
        for (number, first) in alike[group].enumerated() where first != number {
            layout.files[number] = layout.files[first]
        }
        try target.end(group, layout)
        self.output = nil
    }

    func finish() throws -> Target {
        while group + 1 < alike.count { try beginNext() }
        try end()
        return target
    }
}
