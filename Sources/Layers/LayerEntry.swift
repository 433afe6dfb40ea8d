package import Files

/// One name in a layer: what a path of the root file system becomes where this layer lies on top.
///
/// Owners are not kept (everything belongs to root in an image); setuid, setgid and sticky bits on files are dropped.
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

    package init(path: RelativePath, kind: Kind, mode: UInt16, modified: Int64) {
        (self.path, self.kind, self.mode, self.modified) = (path, kind, mode, modified)
    }
}
