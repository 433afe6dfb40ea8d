internal import Files

/// What one side of a connection has told, and how much of it counts on the other side by now.
struct ToldLedger {
    private var number: UInt64 = 0
    private var seen = VersionVector()
    /// Messages that the other side has not answered.
    private var waiting: ArraySlice<(number: UInt64, names: [RelativePath])> = []
    /// After which of them everything was told that there was.
    private var whole: ArraySlice<(number: UInt64, seen: VersionVector)> = []
    /// All that the other side has been told and has; nil before it has everything for the first time.
    private(set) var held: VersionVector?

    /// - Parameter isAll: there is nothing more to tell now.
    mutating func tell(_ known: [ShareMessage.Known], isAll: Bool) {
        number += 1
        for told in known { seen.join(told.entry.seen) }
        waiting.append((number, known.map(\.name)))
        if isAll { whole.append((number, seen)) }
    }

    /// The first so many messages count there.
    ///
    /// - Returns: false where there were not so many.
    mutating func counts(_ count: UInt64) -> Bool {
        if count > number { return false }
        while let first = waiting.first, first.number <= count { waiting.removeFirst() }
        while let first = whole.first, first.number <= count {
            held = first.seen
            whole.removeFirst()
        }
        return true
    }

    /// Whether all that was told counts there.
    var isAnswered: Bool { waiting.isEmpty }

    /// Names that were told and do not count there yet.
    var open: Set<RelativePath> { Set(waiting.flatMap(\.names)) }
}
