package import Digests

/// What a file is at one time, without its bytes.
package struct FileContent: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable {
        case file, folder, link
        /// It was removed while other versions of it are kept beside it.
        case gone
    }

    package let kind: Kind
    /// Bytes; 0 for what is no file.
    package let size: Int64
    /// SHA-256 of a file's bytes.
    package let digest: Digest?
    /// Its rights, of 0o777; of a link none.
    package let mode: UInt32
    /// What a link says.
    package let target: String?

    package init(kind: Kind, size: Int64 = 0, digest: Digest? = nil, mode: UInt32 = 0, target: String? = nil) {
        (self.kind, self.size, self.digest, self.mode, self.target) = (kind, size, digest, mode & 0o777, target)
    }

    package static let gone = FileContent(kind: .gone)

    /// Whether it is well formed, as what comes from elsewhere must be.
    var isSound: Bool {
        switch kind {
        case .file: size >= 0 && digest != nil && target == nil
        case .link: target.map { !$0.isEmpty && $0.utf8.count < 4096 && !$0.utf8.contains(0) } ?? false
        case .folder, .gone: size == 0 && digest == nil && target == nil
        }
    }
}

/// One version of a file, by whom and when it was written.
package struct FileVersion: Hashable, Sendable, Codable {
    package let dot: Dot
    package let content: FileContent
    /// One more than that of all versions that its writer knew: who writes over a file keeps its name.
    package let height: UInt64
    /// Nanoseconds since 1970, by its writer's clock.
    package let modified: Int64

    package init(dot: Dot, content: FileContent, height: UInt64, modified: Int64) {
        (self.dot, self.content, self.height, self.modified) = (dot, content, height, modified)
    }
}

/// What becomes of a file that two machines wrote at once.
package enum CollisionRule: String, Hashable, Sendable, Codable, CaseIterable {
    /// One keeps the name, the others are kept beside it as `NAME.collision-HOST-N`.
    case keepBoth = "keep_both"
    /// The one that was written last keeps the name, the others go.
    case newest
    /// As `keepBoth`, and the run is stopped.
    case stop

    /// Whether the first of two versions that know nothing of each other keeps the name: the same on every machine.
    func prefers(_ one: FileVersion, over other: FileVersion) -> Bool {
        if (one.content.kind == .gone) != (other.content.kind == .gone), one.height == other.height {
            return other.content.kind == .gone
        }
        if self == .newest, one.modified != other.modified { return one.modified > other.modified }
        if one.height != other.height { return one.height > other.height }
        if one.modified != other.modified { return one.modified > other.modified }
        return one.dot > other.dot
    }
}
