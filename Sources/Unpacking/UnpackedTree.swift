internal import Files
internal import Glibc

/// The tree as it is made: folders and links at once, the files as a list of what is to be written.
struct UnpackedTree {
    struct FileToWrite {
        let path: TargetPath
        let inode: Inode
        let data: Inode.FileData
        let attributes: [FileAttribute]
    }

    private(set) var files: [FileToWrite] = []
    /// In the order that they were made.
    private(set) var folders: [(path: TargetPath, inode: Inode, attributes: [FileAttribute])] = []
    /// Further names of files.
    private var links: [(file: Int, path: TargetPath)] = []

    private static let mostEntries = 1 << 24

    init(_ metadata: MetadataReader, into target: TargetFolder) throws(UnpackFailure) {
        let path = metadata.image.path
        var seenFolders: Set<UInt64> = [metadata.image.rootInode]
        var seenFiles: [UInt64: Int] = [:]
        var count = 0
        let root = try metadata.inode(metadata.image.rootInode)
        guard case .folder = root.kind else { throw .damaged("its root is no folder", in: path) }
        folders.append((.root, root, try metadata.attributes(of: root)))
        var pending = [0]
        while let number = pending.popLast() {
            let folder = folders[number]
            guard case .folder(let listing, let size) = folder.inode.kind else { continue }
            for entry in try metadata.list(listing, size: size) {
                count += 1
                guard count <= Self.mostEntries else { throw .damaged("it holds too many files", in: path) }
                guard let name = folder.path.appending(entry.name) else {
                    throw .damaged("its folders are nested too deep", in: path)
                }
                if let file = seenFiles[entry.reference] {
                    links.append((file, name))
                    continue
                }
                let inode = try metadata.inode(entry.reference)
                switch inode.kind {
                case .folder:
                    guard seenFolders.insert(entry.reference).inserted else {
                        throw .damaged("a folder is in itself or in two places", in: path)
                    }
                    if name.with({ mkdirat(target.descriptor, $0, 0o700) }) != 0 {
                        throw target.failure("make the folder", name)
                    }
                    pending.append(folders.count)
                    folders.append((name, inode, try metadata.attributes(of: inode)))
                case .link(let link):
                    let text = link.map { CChar(bitPattern: $0) } + [0]
                    if name.with({ symlinkat(text, target.descriptor, $0) }) != 0 {
                        throw target.failure("make the link", name)
                    }
                    target.setTime(of: name, inode.modified)
                case .file(let data):
                    if inode.links > 1 { seenFiles[entry.reference] = files.count }
                    files.append(
                        FileToWrite(
                            path: name, inode: inode, data: data, attributes: try metadata.attributes(of: inode)))
                }
            }
        }
    }

    /// Work for one thread each: the files of one fragment block, or one without, or some empty ones.
    ///
    /// In the order of the image, so that it is read from its beginning to its end, and every fragment block once.
    func jobs(_ fragments: [(start: Int64, size: UInt32)]) -> [[Int]] {
        var byFragment: [Int: [Int]] = [:]
        var empty: [Int] = []
        var placed: [(position: Int64, files: [Int])] = []
        for (number, file) in files.enumerated() {
            let data = file.data
            if let fragment = data.fragment {
                byFragment[fragment.number, default: []].append(number)
            } else if data.size == 0 {
                empty.append(number)
            } else {
                placed.append((data.start, [number]))
            }
        }
        for (fragment, files) in byFragment {
            placed.append((fragment < fragments.count ? fragments[fragment].start : 0, files))
        }
        placed.sort { $0.position < $1.position }
        let batches = stride(from: 0, to: empty.count, by: 256).map { Array(empty[$0...].prefix(256)) }
        return placed.map(\.files) + batches
    }

    /// Gives files their further names.
    func link(in target: TargetFolder) throws(UnpackFailure) {
        for (file, path) in links {
            let code = files[file].path.with { first in
                path.with { linkat(target.descriptor, first, target.descriptor, $0, 0) }
            }
            if code != 0 { throw target.failure("make the link", path) }
        }
    }

    /// Attributes, modes and times, when nothing more is written into the folders: those that lie deeper first.
    func finishFolders(in target: TargetFolder) throws(UnpackFailure) {
        for (path, inode, attributes) in folders.reversed() {
            if !attributes.isEmpty { try target.give(attributes, toFolder: path) }
            if path.with({ fchmodat(target.descriptor, $0, inode.mode, 0) }) != 0 {
                throw target.failure("set the mode of", path)
            }
            target.setTime(of: path, inode.modified)
        }
    }
}

extension TargetFolder {
    /// Where the file system can't, the folder goes without them.
    func give(_ attributes: [FileAttribute], toFolder path: TargetPath) throws(UnpackFailure) {
        let folder = path.with { openat(descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        guard folder >= 0 else { throw failure("open", path) }
        defer { close(folder) }
        FileAttribute.give(attributes, to: folder)
    }

    /// Where the system can't, the time is not worth an error.
    func setTime(of path: TargetPath, _ modified: UInt32) {
        let time = timespec(tv_sec: Int(modified), tv_nsec: 0)
        _ = path.with { name in
            withUnsafeTemporaryAllocation(of: timespec.self, capacity: 2) { times in
                times.initialize(repeating: time)
                return utimensat(descriptor, name, times.baseAddress!, AT_SYMLINK_NOFOLLOW)
            }
        }
    }
}
