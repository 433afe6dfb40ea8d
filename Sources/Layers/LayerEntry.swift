package import Files

/// One name in a layer: what a path of the root file system becomes where this layer lies on top.
///
/// Owners are not kept (everything belongs to root in an image); setuid, setgid and sticky bits on files are dropped, and of
/// extended attributes all but `user.…`.
package struct LayerEntry: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case file(size: Int64)
        case folder
        case link(target: String)
        /// Another name of the file at this path of the same layer.
        case hardLink(to: RelativePath)
        /// Hides what the layers below have at this path, with all that is below it.
        case removed
    }

    package let path: RelativePath
    package let kind: Kind
    /// Permission bits.
    package let mode: UInt16
    /// Seconds since 1970.
    package let modified: Int64
    /// Of files and folders, sorted by name; all names of a file have the same.
    package let attributes: [FileAttribute]

    package init(
        path: RelativePath, kind: Kind, mode: UInt16, modified: Int64, attributes: [FileAttribute] = []
    ) {
        (self.path, self.kind, self.mode, self.modified) = (path, kind, mode, modified)
        self.attributes = attributes
    }

    /// The same name for something else.
    func with(_ kind: Kind) -> LayerEntry {
        LayerEntry(path: path, kind: kind, mode: mode, modified: modified, attributes: attributes)
    }

    func with(_ attribute: FileAttribute) -> LayerEntry {
        LayerEntry(path: path, kind: kind, mode: mode, modified: modified, attributes: attributes + [attribute])
    }
}
