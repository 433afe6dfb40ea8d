/// Which extents of a part its receiver lacks: runs of their numbers, from 0, in order and apart from each other.
///
/// The binary form is `docs/host-protocol.md`'s.
package struct WantedExtents: Hashable, Sendable {
    package let runs: [Range<Int>]

    /// - Parameter numbers: rising.
    package init(_ numbers: some Sequence<Int>) {
        var runs: [Range<Int>] = []
        for number in numbers {
            if let last = runs.last, last.upperBound == number {
                runs[runs.count - 1] = last.lowerBound..<number + 1
            } else {
                runs.append(number..<number + 1)
            }
        }
        self.runs = runs
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter()
        for run in runs {
            writer.append(UInt32(run.lowerBound))
            writer.append(UInt32(run.count))
        }
        return writer.bytes
    }

    /// - Parameter count: how many extents the part has.
    /// - Returns: nil for what can't be wanted: numbers that the part does not have, runs out of order.
    package init?(bytes: [UInt8], of count: Int) {
        guard bytes.count % 8 == 0 else { return nil }
        var reader = ByteReader(bytes)
        var runs: [Range<Int>] = []
        while let first = reader.number(UInt32.self), let length = reader.number(UInt32.self) {
            let (start, end) = (Int(first), Int(first) + Int(length))
            guard length > 0, end <= count, start > runs.last?.upperBound ?? -1 else { return nil }
            runs.append(start..<end)
        }
        self.runs = runs
    }

    /// The bytes that they have together.
    package func size(in list: ExtentList) -> Int64 {
        runs.reduce(0) { size, run in list.extents[run].reduce(size) { $0 + $1.length } }
    }

    /// Where they lie in the part, in pieces of at most `limit` bytes.
    package func pieces(of list: ExtentList, atMost limit: Int) -> [(offset: Int64, count: Int)] {
        var pieces: [(offset: Int64, count: Int)] = []
        var (number, offset): (Int, Int64) = (0, 0)
        for run in runs {
            while number < run.lowerBound { (number, offset) = (number + 1, offset + list.extents[number].length) }
            var rest = list.extents[run].reduce(0) { $0 + $1.length }
            number = run.upperBound
            while rest > 0 {
                let count = min(rest, Int64(limit))
                pieces.append((offset, Int(count)))
                (offset, rest) = (offset + count, rest - count)
            }
        }
        return pieces
    }
}
