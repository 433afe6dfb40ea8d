internal import Files

extension PartReader {
    /// Copies as much of the part as goes straight to the disk: all of it where that is fast.
    ///
    /// A disk that is slower than this by far is waited for in any case, and then the file had better be in memory afterwards.
    ///
    /// - Returns: how many bytes, from the beginning, are there.
    func copyStraight(
        to descriptor: Int32, at position: Int64, named target: String, progress: (Int64) -> Void
    ) throws(PartFailure) -> Int64 {
        let batches = straightBatches
        guard position % StraightWriting.block == 0, !batches.isEmpty,
            let writing = StraightWriting(to: descriptor)
        else { return 0 }
        var done: Int64 = 0
        var isFast = true
        for batch in batches where isFast {
            let start = ContinuousClock.now
            var pieces: [StraightWriting.Piece] = []
            for slice in batch {
                let file = try OpenFile(slice.path)
                guard slice.offset + slice.length <= file.size,
                    let piece = StraightWriting.Piece(
                        of: file.descriptor, at: slice.offset, count: Int(slice.length))
                else { return done }
                pieces.append(piece)
            }
            do throws(FileFailure) {
                guard try writing.write(pieces, at: position + done, named: target) else { return done }
            } catch { throw PartFailure(error) }
            let count = batch.reduce(0) { $0 + $1.length }
            done += count
            progress(count)
            isFast = ContinuousClock.now - start < .seconds(Double(count) / Self.fast)
        }
        return done
    }

    /// Bytes a second.
    private static let fast = 300e6
    private static let batch: Int64 = 16 << 20

    /// What is written at once: not more than 16 MiB, nor of more than 256 files; none where pieces are no whole blocks, or there
    /// is little to write.
    private var straightBatches: [[FileSlice]] {
        let block = StraightWriting.block
        guard size >= Self.batch,
            segments.allSatisfy({ $0.slice.offset % block == 0 && $0.slice.length % block == 0 })
        else { return [] }
        var batches: [[FileSlice]] = [[]]
        var length: Int64 = 0
        for slice in segments.map(\.slice) {
            var start: Int64 = 0
            while start < slice.length {
                if length == Self.batch || batches[batches.count - 1].count == 256 {
                    batches.append([])
                    length = 0
                }
                let count = min(slice.length - start, Self.batch - length)
                batches[batches.count - 1].append(
                    FileSlice(path: slice.path, offset: slice.offset + start, length: count))
                (start, length) = (start + count, length + count)
            }
        }
        return batches
    }
}
