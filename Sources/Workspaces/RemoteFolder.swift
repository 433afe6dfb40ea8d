package import Digests
package import Files

/// A folder on a server that knows nothing of las, by whatever protocol it speaks.
///
/// Used by one thread at a time.
package protocol RemoteFolder: AnyObject {
    /// As people call it.
    var shown: String { get }

    /// All that lies in it, and the folders in it that can't be read. What has no name that can be used is left out.
    func list() throws(RemoteTrouble) -> (items: [RelativePath: RemoteItem], unreadable: Set<RelativePath>)
    /// - Returns: nil where nothing has this name.
    func item(at path: RelativePath) throws(RemoteTrouble) -> RemoteItem?
    /// Appends a file's bytes to an open one.
    /// - Returns: their digest, and how many they are.
    func get(_ path: RelativePath, into file: Int32) throws(RemoteTrouble) -> (digest: Digest, size: Int64)
    /// Puts the bytes of an open file there, in place of what has the name.
    ///
    /// - Parameter makesFolder: where the folder itself is not there yet, it is made.
    /// - Returns: the digest of what went.
    func put(_ file: Int32, size: Int64, as path: RelativePath, makesFolder: Bool) throws(RemoteTrouble) -> Digest
    /// In place of what has the other name.
    func rename(_ path: RelativePath, to other: RelativePath) throws(RemoteTrouble)
    /// What is there already is no trouble.
    func makeFolder(_ path: RelativePath) throws(RemoteTrouble)
    func remove(_ path: RelativePath, isFolder: Bool) throws(RemoteTrouble)
}

/// A file or folder there.
package struct RemoteItem: Hashable, Sendable {
    package let isFolder: Bool
    /// Of a folder nothing but that it is one.
    package let stamp: Stamp

    package init(isFolder: Bool, stamp: Stamp) {
        self.isFolder = isFolder
        self.stamp = isFolder ? Stamp(unique: 0, size: 0, modified: 0) : stamp
    }
}

/// What a server does not do.
package struct RemoteTrouble: Error, Sendable {
    package enum Kind: Sendable {
        /// It can't be reached, breaks off, or says that it may go better later.
        case away
        /// There is no such file or folder.
        case missing
        /// It will not do this with this file.
        case refused
        /// It will do nothing at all: who is asking, or how, is wrong.
        case hopeless
    }

    package let kind: Kind
    /// What could not be done, why, and what helps.
    package let summary: String
    package let cause: String?
    package let fix: String?

    package init(_ kind: Kind, _ summary: String, cause: String? = nil, fix: String? = nil) {
        (self.kind, self.summary, self.cause, self.fix) = (kind, summary, cause, fix)
    }

    var words: String { summary + (cause.map { ": \($0)" } ?? "") }
}
