/// Files that stations of one metro share while it runs.
package struct Workspace: Sendable {
    package let name: Located<String>
    /// Paths and globs relative to the metro's folder: what lies in it at first.
    package let files: [Located<String>]
    /// `newest` or `stop`; nil for `keep_both`.
    package let onCollision: String?
    /// A folder that all machines see; nil where las carries the files from one to the other.
    package let shared: SharedFolder?
    /// Whether what lies in it stays with the run when that has ended well.
    package let isKept: Bool
    package let comments: String?

    init(
        name: Located<String>, files: [Located<String>] = [], onCollision: String? = nil, shared: SharedFolder? = nil,
        isKept: Bool = false, comments: String? = nil
    ) {
        (self.name, self.files, self.onCollision, self.comments) = (name, files, onCollision, comments)
        (self.shared, self.isKept) = (shared, isKept)
    }
}

/// A workspace that a station uses.
package struct WorkspaceUse: Sendable {
    package let name: Located<String>
    /// `read`: it can't change anything there.
    package let isReadOnly: Bool

    init(name: Located<String>, isReadOnly: Bool = false) { (self.name, self.isReadOnly) = (name, isReadOnly) }
}
