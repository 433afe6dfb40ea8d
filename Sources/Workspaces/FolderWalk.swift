internal import Files
internal import Glibc

/// The folders of a workspace, opened one after the other to get at the files in them: no link is followed. The one that was opened last
/// stays open, since the next file often lies there, too.
final class FolderWalk {
    private let path: String
    let root: Int32
    private var last: (folder: RelativePath, descriptor: Int32)?

    init(_ folder: ConfinedFolder) throws(FileFailure) {
        path = folder.path
        root = try File.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, action: "open the folder")
    }

    deinit {
        if let last { close(last.descriptor) }
        close(root)
    }

    /// - Parameters:
    ///   - making: folders that are not there are made.
    ///   - fresh: one that was opened before does not do: it may be another one now.
    /// - Returns: the folder that a file lies in, open until the next is asked for; nil where one above it is missing, or is something
    ///   else.
    func folder(of inside: RelativePath, making: Bool = false, fresh: Bool = false) throws(FileFailure) -> Int32? {
        guard let folder = inside.parent else { return root }
        if let last {
            if !fresh, last.folder == folder { return last.descriptor }
            close(last.descriptor)
            self.last = nil
        }
        var descriptor = root
        for name in folder.components {
            if making, mkdirat(descriptor, name, 0o755) != 0, errno != EEXIST {
                let code = errno
                if descriptor != root { close(descriptor) }
                // A program has removed the one above it just now.
                if code == ENOENT { return nil }
                throw FileFailure("make the folder", "\(path)/\(folder)", code: code)
            }
            let next = openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let code = errno
            if descriptor != root { close(descriptor) }
            if next < 0 {
                if [ENOENT, ENOTDIR, ELOOP].contains(code) { return nil }
                throw FileFailure("open the folder", "\(path)/\(folder)", code: code)
            }
            descriptor = next
        }
        last = (folder, descriptor)
        return descriptor
    }

    static func status(_ name: String, in folder: Int32) -> stat? {
        var info = stat()
        return fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 ? info : nil
    }
}
