package import Digests
internal import Failures
internal import Files

/// Programs of the machine that made the lock, with what they need of it. Another machine has others.
package struct LockedHost: Hashable, Sendable, Codable {
    package struct File: Hashable, Sendable, Codable {
        /// Where it lies in the layer, below `/usr/local`.
        package let place: String
        /// Where it was on the machine.
        package let from: String
        package let sha256: Digest
    }

    /// What the machine calls its system, for people.
    package let machine: String
    /// Sorted by place.
    package let files: [File]

    func check() throws(DepotFailure) {
        for file in files where RelativePath(file.place) == nil || !file.from.hasPrefix("/") {
            throw DepotFailure("the file “\(Shown.whole(file.place))” of a machine is none", .integrity)
        }
    }
}
