internal import Digests
package import Files
internal import Threads

/// A part's bytes, wherever they lie: a file of the store, a slice of a bundle, or pieces of several files. A file of its own
/// stays open as long as this lives; pieces are opened when they are read.
package final class PartReader: Sendable {
    struct Segment: Sendable {
        /// In the part.
        let start: Int64
        let slice: FileSlice
        /// nil for a file that is opened when it is read.
        let file: OpenFile?

        var end: Int64 { start + slice.length }
        func opened() throws(PartFailure) -> OpenFile {
            if let file { return file }
            return try OpenFile(slice.path)
        }
    }

    /// What an error tells.
    package let path: String
    package let size: Int64
    let segments: [Segment]
    /// Whether damaged files are removed: they are made again then.
    private let isMadeHere: Bool

    init(_ file: OpenFile, offset: Int64, size: Int64, isMadeHere: Bool = false) {
        (path, self.size, self.isMadeHere) = (file.path, size, isMadeHere)
        segments = [Segment(start: 0, slice: FileSlice(path: file.path, offset: offset, length: size), file: file)]
    }

    /// - Parameter path: what an error of the part as a whole tells.
    init(_ slices: [FileSlice], path: String) {
        var segments: [Segment] = []
        var start: Int64 = 0
        for slice in slices where slice.length > 0 {
            segments.append(Segment(start: start, slice: slice, file: nil))
            start += slice.length
        }
        (self.path, size, self.segments, isMadeHere) = (path, start, segments, true)
    }

    /// A whole file that is no part of its own. Where it is damaged it is not removed.
    package convenience init(fileAt path: String, size: Int64) throws(PartFailure) {
        self.init(try OpenFile(path), offset: 0, size: size)
    }

    /// - Parameter own: the path of the file that `pieces` calls the part's own.
    package convenience init(_ pieces: PartPieces, own: String, in lash: LASH) {
        self.init(pieces.slices(in: lash, own: own), path: own)
    }

    /// The paths of what holds its bytes, each once.
    var files: [String] {
        var seen: Set<String> = []
        return segments.map(\.slice.path).filter { seen.insert($0).inserted }
    }

    /// - Returns: `count` bytes at `position` of the part, fewer only at its end.
    package func read(at position: Int64, count: Int) throws(PartFailure) -> [UInt8] {
        let wanted = Int(min(Int64(count), max(0, size - position)))
        guard position >= 0, wanted > 0 else { return [] }
        var failure: PartFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            do throws(PartFailure) {
                try fill(UnsafeMutableRawBufferPointer(buffer), at: position)
                filled = wanted
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads as many bytes as there is room for; all of them lie in the part.
    package func fill(_ buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(PartFailure) {
        var done = 0
        var number = place(of: position)
        while done < buffer.count {
            let (file, offset, count) = try range(number, at: position + Int64(done), count: buffer.count - done)
            try file.fill(UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]), at: offset)
            done += count
            number += 1
        }
    }

    /// Lends the open files that hold a range of the part, one after another, with where in them it lies.
    package func inFiles(
        at position: Int64, count: Int, _ body: (_ file: OpenFile, _ offset: Int64, _ count: Int) throws -> Void
    ) throws {
        var done = 0
        var number = place(of: position)
        while done < count {
            let range = try range(number, at: position + Int64(done), count: count - done)
            try body(range.file, range.offset, range.count)
            done += range.count
            number += 1
        }
    }

    /// What a segment has from a byte of the part on.
    private func range(
        _ number: Int, at position: Int64, count: Int
    ) throws(PartFailure) -> (file: OpenFile, offset: Int64, count: Int) {
        let segment = segments[number]
        let inside = position - segment.start
        return (
            try segment.opened(), segment.slice.offset + inside,
            Int(min(Int64(count), segment.slice.length - inside))
        )
    }

    /// The segment that has a byte of the part.
    private func place(of position: Int64) -> Int {
        var (low, high) = (0, segments.count)
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].end <= position { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Copies the part to an open file, sharing its blocks where the file system can, without looking at them.
    /// - Parameters:
    ///   - target: the path that an error tells.
    ///   - progress: told how many bytes more were copied.
    package func copy(
        to descriptor: Int32, at position: Int64, named target: String, progress: (Int64) -> Void = { _ in }
    ) throws(PartFailure) {
        let straight = try copyStraight(to: descriptor, at: position, named: target, progress: progress)
        var behind = straight
        for segment in segments where segment.end > straight {
            let source = try segment.opened()
            let first = max(0, straight - segment.start)
            for start in stride(from: first, to: segment.slice.length, by: Int(Self.copied)) {
                let count = min(Self.copied, segment.slice.length - start)
                do throws(FileFailure) {
                    try File.copyRange(
                        count, from: source.descriptor, at: segment.slice.offset + start, named: source.path,
                        to: descriptor, at: position + segment.start + start, named: target)
                } catch { throw PartFailure(error) }
                progress(count)
                // The disk works while the rest is copied.
                let end = segment.start + start + count
                if end - behind >= Self.copied {
                    File.beginWriting(end - behind, at: position + behind, of: descriptor)
                    behind = end
                }
            }
        }
    }

    private static let copied: Int64 = 64 << 20

    /// Hashes every extent, on all processors.
    /// - Parameters:
    ///   - name: what to call the part in an error: "the environment “base”".
    ///   - progress: told how many bytes more were hashed; from any thread, one at a time.
    package func verify(
        _ extents: ExtentList, named name: String, progress: (Int64) -> Void = { _ in }
    ) throws(PartFailure) {
        try pass(extents, named: name, to: nil, progress: progress)
    }

    /// Copies the part to an open file, and hashes every extent on the way, on all processors: what is written is what was
    /// hashed, so that it need not be read again. Where the file system shares data instead, the target's is hashed.
    package func copyVerified(
        _ extents: ExtentList, named name: String, to descriptor: Int32, at position: Int64, path: String,
        progress: (Int64) -> Void = { _ in }
    ) throws(PartFailure) {
        try pass(
            extents, named: name, to: Target(descriptor: descriptor, position: position, path: path),
            progress: progress)
    }

    private struct Target: Sendable {
        let descriptor: Int32
        let position: Int64
        let path: String
    }

    /// Extents that follow each other, for one thread.
    private struct Batch: Sendable {
        var start: Int64
        var numbers: Range<Int>
        var length: Int64
    }

    private func pass(
        _ extents: ExtentList, named name: String, to target: Target?, progress: (Int64) -> Void
    ) throws(PartFailure) {
        guard extents.size == size else {
            throw .damaged("\(name) has \(size) bytes, but must have \(extents.size)", in: path)
        }
        let isShared = target.map(share) ?? false
        let batches = Self.batches(of: extents)
        do {
            try withoutActuallyEscaping(progress) { progress in
                let told = Progress(progress)
                _ = try Workers.each(batches, on: Workers.processors) { batch in
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(batch.length), alignment: 4096)
                    defer { buffer.deallocate() }
                    if isShared, let target {
                        try OpenFile.fill(
                            buffer, from: target.descriptor, at: target.position + batch.start, path: target.path)
                    } else {
                        try self.fill(buffer, at: batch.start)
                    }
                    try check(UnsafeRawBufferPointer(buffer), batch, extents, name)
                    if let target, !isShared {
                        try File.writeAll(
                            UnsafeRawBufferPointer(buffer), at: target.position + batch.start, to: target.descriptor,
                            path: target.path)
                        File.beginWriting(
                            batch.length, at: target.position + batch.start, of: target.descriptor)
                    }
                    told.tell(batch.length)
                }
            }
        } catch let failure as PartFailure {
            throw failure
        } catch let failure as FileFailure {
            throw PartFailure(failure)
        } catch { preconditionFailure("reading a part throws nothing else") }
    }

    private func check(
        _ bytes: UnsafeRawBufferPointer, _ batch: Batch, _ extents: ExtentList, _ name: String
    ) throws(PartFailure) {
        var done: Int64 = 0
        for number in batch.numbers {
            let extent = extents.extents[number]
            var hasher = SHA256()
            hasher.update(UnsafeRawBufferPointer(rebasing: bytes[Int(done)..<Int(done + extent.length)]))
            if hasher.digest() != extent.digest { throw damage(number, at: batch.start + done, extents, name) }
            done += extent.length
        }
    }

    private func damage(_ number: Int, at start: Int64, _ extents: ExtentList, _ name: String) -> PartFailure {
        let segment = segments[place(of: start)]
        let position = start - segment.start + segment.slice.offset
        if isMadeHere { File.remove(segment.slice.path) }
        return .damaged(
            "\(name) was changed: extent \(number + 1) of \(extents.extents.count), bytes \(position) to \(position + extents.extents[number].length - 1) of the file, has another digest",
            in: segment.slice.path)
    }

    /// - Returns: whether the target shares all of the part's data now.
    private func share(with target: Target) -> Bool {
        segments.allSatisfy { segment in
            guard let source = try? segment.opened() else { return false }
            return File.cloneRange(
                segment.slice.length, from: source.descriptor, at: segment.slice.offset, to: target.descriptor,
                at: target.position + segment.start)
        }
    }

    private static func batches(of extents: ExtentList) -> [Batch] {
        var batches: [Batch] = []
        var position: Int64 = 0
        for (number, extent) in extents.extents.enumerated() {
            if let last = batches.last, last.length + extent.length <= 1 << 20 {
                batches[batches.count - 1].length += extent.length
                batches[batches.count - 1].numbers = last.numbers.lowerBound..<number + 1
            } else {
                batches.append(Batch(start: position, numbers: number..<number + 1, length: extent.length))
            }
            position += extent.length
        }
        return batches
    }

    /// Lends who asked for progress to one thread at a time, while its call lasts.
    private final class Progress: Sendable {
        private nonisolated(unsafe) let progress: (Int64) -> Void
        private let turn = Monitor(())

        init(_ progress: @escaping (Int64) -> Void) { self.progress = progress }

        func tell(_ count: Int64) { turn.change { _ in progress(count) } }
    }
}
