/// What the depot is doing, for whoever shows it. Sent from the depot's own threads.
package enum DepotEvent: Sendable, Hashable {
    case progress(DepotProgress)
    /// Something that was left out or passed over, as a sentence.
    case warning(String)
    /// Something that is as it should be, and that a person may wonder about, as a sentence.
    case note(String)
}

package struct DepotProgress: Sendable, Hashable {
    package enum Phase: String, Sendable, Hashable, CaseIterable {
        /// Reading what the archives offer; bytes.
        case indexes
        /// Choosing packages; nothing is counted.
        case solving
        /// Getting packages; bytes.
        case fetching
        /// Unpacking packages into layers; bytes of package files.
        case unpacking
        /// Getting files that inputs name by their addresses; bytes.
        case inputs
        /// Unpacking archives of inputs; bytes of the archives.
        case archives
        /// Letting the packages configure themselves; packages.
        case configuring
        /// Letting pip choose Python's packages; nothing is counted.
        case asking
        /// Building or installing something in the sandbox; nothing is counted.
        case building
    }

    package let phase: Phase
    package let done: Int64
    /// 0 while it is not known.
    package let total: Int64
    /// The file or package that it is about.
    package let what: String

    package init(_ phase: Phase, done: Int64, total: Int64, what: String) {
        (self.phase, self.done, self.total, self.what) = (phase, done, total, what)
    }
}

package typealias DepotObserver = @Sendable (DepotEvent) -> Void
