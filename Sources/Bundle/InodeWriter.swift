internal import CSquashfs
internal import Files

/// Writes the inodes and the directories.
///
/// A directory's inodes lie beside each other, in the order of their names; directories come in the reverse order of their
/// paths, so that each is written after all that is in it.
final class InodeWriter {
    private let tree: ImageTree
    private let groups: [(start: Int64, layout: GroupLayout)]
    private let owner: UInt16
    private let attributes: AttributeWriter?
    private let inodes: LibraryObject
    private let directories: LibraryObject
    private let listing: LibraryObject

    /// Numbers of entries; `root` stands for the root.
    private static let root = -1
    private let children: [Int: [Int]]
    /// By entry, from 1 on; hard links share one. The root has the last, `count`.
    private let numbers: [UInt32]
    private let links: [FileName: UInt32]
    let count: UInt32

    /// The places of what is written, by number.
    private var places: [UInt64]
    /// Directories that are listed, but whose own inodes are not yet written.
    private var listed: [Int: UnsafeMutablePointer<sqfs_inode_generic_t>] = [:]

    private struct FileName: Hashable {
        let group: Int
        let number: Int
    }

    init(
        _ tree: ImageTree, _ groups: [(start: Int64, layout: GroupLayout)], owner: UInt16,
        _ attributes: AttributeWriter?,
        _ file: UnsafeMutablePointer<sqfs_file_t>, _ compressor: UnsafeMutablePointer<sqfs_compressor_t>
    ) throws(BundleFailure) {
        (self.tree, self.groups, self.owner, self.attributes) = (tree, groups, owner, attributes)
        inodes = try LibraryObject(sqfs_meta_writer_create(file, compressor, 0), "begin the inodes")
        directories = try LibraryObject(
            sqfs_meta_writer_create(file, compressor, UInt32(SQFS_META_WRITER_KEEP_IN_MEMORY.rawValue)),
            "begin the directories")
        listing = try LibraryObject(sqfs_dir_writer_create(directories.handle, 0), "begin the directories")

        var positions: [RelativePath: Int] = [:]
        for (position, entry) in tree.entries.enumerated() where entry.kind == .folder {
            positions[entry.path] = position
        }
        var children: [Int: [Int]] = [:]
        for (position, entry) in tree.entries.enumerated() {
            let folder = entry.path.parent.flatMap { positions[$0] } ?? Self.root
            children[folder, default: []].append(position)
        }
        self.children = children

        var numbers = [UInt32](repeating: 0, count: tree.entries.count)
        var seen: [FileName: UInt32] = [:]
        var links: [FileName: UInt32] = [:]
        var last: UInt32 = 0
        for folder in Self.order(tree) {
            for child in children[folder] ?? [] {
                if case .file(let group, let number) = tree.entries[child].kind {
                    let name = FileName(group: group, number: number)
                    links[name, default: 0] += 1
                    if let number = seen[name] {
                        numbers[child] = number
                        continue
                    }
                    seen[name] = last + 1
                }
                last += 1
                numbers[child] = last
            }
        }
        (self.numbers, self.links, count) = (numbers, links, last + 1)
        places = Array(repeating: 0, count: Int(count) + 1)
    }

    deinit { for inode in listed.values { free(inode) } }

    /// Every directory after those in it.
    private static func order(_ tree: ImageTree) -> [Int] {
        tree.entries.indices.reversed().filter { tree.entries[$0].kind == .folder } + [root]
    }

    /// - Returns: the place of the root's inode.
    func write(rootModified: UInt32) throws(BundleFailure) -> UInt64 {
        for folder in Self.order(tree) {
            let children = children[folder] ?? []
            for child in children where places[Int(numbers[child])] == 0 {
                try write(try inode(of: child), number: numbers[child], tree.entries[child])
            }
            try list(folder, children)
        }
        guard let root = listed.removeValue(forKey: Self.root) else { throw .squashfs("write the root", 0) }
        root.pointee.base.mode = 0o755
        root.pointee.base.mod_time = rootModified
        return try write(root, number: count, nil) - 1
    }

    /// Writes what is still in memory.
    /// - Returns: where the directories begin in the file.
    func finish(_ memory: UnsafeMutablePointer<las_sqfs_memory>) throws(BundleFailure) -> UInt64 {
        try check("write the inodes", sqfs_meta_writer_flush(inodes.handle))
        try check("write the directories", sqfs_meta_writer_flush(directories.handle))
        let start = memory.pointee.start + UInt64(memory.pointee.used)
        try check("write the directories", sqfs_meta_write_write_to_file(directories.handle))
        return start
    }

    private func list(_ folder: Int, _ children: [Int]) throws(BundleFailure) {
        try check("begin a directory", sqfs_dir_writer_begin(listing.handle, 0))
        var folders = 0
        for child in children {
            let entry = tree.entries[child]
            if entry.kind == .folder { folders += 1 }
            let number = numbers[child]
            try check(
                "list \(entry.path)",
                sqfs_dir_writer_add_entry(
                    listing.handle, entry.path.name, number, places[Int(number)] - 1, entry.type | entry.mode))
        }
        try check("end a directory", sqfs_dir_writer_end(listing.handle))
        let parent = folder == Self.root ? count + 1 : self.parent(of: folder)
        let attributes = folder == Self.root ? AttributeWriter.none : try number(of: tree.entries[folder])
        // The library adds the two links that every directory has.
        guard let inode = sqfs_dir_writer_create_inode(listing.handle, folders, attributes, parent) else {
            throw .squashfs("describe a directory", 0)
        }
        listed[folder] = inode
    }

    private func parent(of folder: Int) -> UInt32 { parents[folder] ?? count }

    private lazy var parents: [Int: UInt32] = {
        var parents: [Int: UInt32] = [:]
        for (folder, children) in children {
            for child in children { parents[child] = folder == Self.root ? count : numbers[folder] }
        }
        return parents
    }()

    private func inode(of position: Int) throws(BundleFailure) -> UnsafeMutablePointer<sqfs_inode_generic_t> {
        let entry = tree.entries[position]
        let inode: UnsafeMutablePointer<sqfs_inode_generic_t>?
        switch entry.kind {
        case .folder: inode = listed.removeValue(forKey: position)
        case .link(let target):
            let bytes = Array(target.utf8)
            guard (1..<4096).contains(bytes.count), !bytes.contains(0) else {
                throw BundleFailure("the link \(entry.path) has an impossible target")
            }
            inode = bytes.withUnsafeBytes { las_sqfs_link_inode($0.baseAddress, $0.count) }
        case .file(let group, let number):
            let (start, layout) = groups[group]
            let file = layout.files[number]
            let size = tree.groups[group][number].size
            let fragment = file.share.map { UInt32(fragmentBase(group) + $0.fragment) } ?? 0xffff_ffff
            inode = file.blocks.withUnsafeBufferPointer { blocks in
                las_sqfs_file_inode(
                    blocks.isEmpty ? 0 : UInt64(start + file.start), UInt64(size), UInt64(file.sparse),
                    links[FileName(group: group, number: number)] ?? 1, fragment, UInt32(file.share?.offset ?? 0),
                    blocks.baseAddress, blocks.count)
            }
        }
        guard let inode else { throw .squashfs("describe \(entry.path)", 0) }
        if case .file = entry.kind, !entry.attributes.isEmpty {
            let code = sqfs_inode_set_xattr_index(inode, try number(of: entry))
            if code != 0 {
                free(inode)
                throw .squashfs("describe \(entry.path)", code)
            }
        }
        return inode
    }

    private func number(of entry: ImageEntry) throws(BundleFailure) -> UInt32 {
        try attributes?.number(of: entry) ?? AttributeWriter.none
    }

    /// How many fragment blocks the groups before have.
    private func fragmentBase(_ group: Int) -> Int { fragmentBases[group] }
    private lazy var fragmentBases: [Int] = groups.reduce(into: [0]) {
        $0.append($0[$0.count - 1] + $1.layout.fragments.count)
    }

    /// Takes the inode over.
    /// - Returns: its place and 1, so that 0 is no place.
    @discardableResult private func write(
        _ inode: UnsafeMutablePointer<sqfs_inode_generic_t>, number: UInt32, _ entry: ImageEntry?
    ) throws(BundleFailure) -> UInt64 {
        defer { free(inode) }
        if let entry {
            inode.pointee.base.mode = entry.mode
            inode.pointee.base.mod_time = entry.modified
        }
        inode.pointee.base.uid_idx = owner
        inode.pointee.base.gid_idx = owner
        inode.pointee.base.inode_number = number
        var block: UInt64 = 0
        var offset: UInt32 = 0
        sqfs_meta_writer_get_position(inodes.handle, &block, &offset)
        try check("write an inode", sqfs_meta_writer_write_inode(inodes.handle, inode))
        let place = (block << 16 | UInt64(offset)) + 1
        places[Int(number)] = place
        return place
    }
}

extension ImageEntry {
    /// As in `st_mode`.
    fileprivate var type: UInt16 {
        switch kind {
        case .file: UInt16(SQFS_INODE_MODE_REG.rawValue)
        case .folder: UInt16(SQFS_INODE_MODE_DIR.rawValue)
        case .link: UInt16(SQFS_INODE_MODE_LNK.rawValue)
        }
    }
}
