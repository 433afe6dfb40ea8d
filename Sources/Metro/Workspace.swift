/// Files that stations of one metro share while it runs.
package struct Workspace: Sendable {
    package let name: Located<String>
    /// Paths and globs relative to the metro's folder: what lies in it at first.
    package let files: [Located<String>]
    /// `newest` or `stop`; nil for `keep_both`.
    package let onCollision: String?
    /// A folder that all machines see; nil where las carries the files from one to the other.
    package let shared: SharedFolder?
    /// An FTP server that holds its files, too; nil for none.
    package let server: FileServer?
    /// Whether what lies in it stays with the run when that has ended well.
    package let isKept: Bool
    /// Whether each host that uses it has all of its files, whatever stations say that they need.
    package let isAhead: Bool
    /// So many bytes a host keeps of what its tasks do not need just then; nil for all.
    package let limit: Int64?
    /// How many machines of a run hold each file, the one that leads it among them; nil for one.
    package let copies: Int?
    package let comments: String?

    init(
        name: Located<String>, files: [Located<String>] = [], onCollision: String? = nil, shared: SharedFolder? = nil,
        server: FileServer? = nil, isKept: Bool = false, isAhead: Bool = false, limit: Int64? = nil, copies: Int? = nil,
        comments: String? = nil
    ) {
        (self.name, self.files, self.onCollision, self.comments) = (name, files, onCollision, comments)
        (self.shared, self.server, self.isKept) = (shared, server, isKept)
        (self.isAhead, self.limit) = (isAhead, limit)
        self.copies = copies
    }
}

/// A workspace that a station uses.
package struct WorkspaceUse: Sendable {
    package let name: Located<String>
    /// `read`: it can't change anything there.
    package let isReadOnly: Bool
    /// Paths and patterns of what it needs, with `{name}` inside; nil for all.
    let files: [SourceText]?
    /// `when_opened`; nil where nothing is said.
    let rest: SourceText?
    /// Whether what `files` does not say is fetched when the command opens it.
    package var isOpened: Bool { rest != nil }
    package var needs: [String]? { files?.map(\.value) }

    init(name: Located<String>, isReadOnly: Bool = false, files: [SourceText]? = nil, rest: SourceText? = nil) {
        (self.name, self.isReadOnly, self.files, self.rest) = (name, isReadOnly, files, rest)
    }
}
