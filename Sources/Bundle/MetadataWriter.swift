internal import CSquashfs
internal import Files

/// Writes the tables of an image, by libsquashfs: inodes, directories, fragments, owners, attributes; and its super block.
///
/// A pure function of the entries and the places of their bytes.
struct MetadataWriter {
    let options: ImageOptions
    let tree: ImageTree
    let groups: [(start: Int64, layout: GroupLayout)]

    /// - Parameter start: where the tables begin, a multiple of 4096.
    /// - Returns: the first 4096 bytes of the image, and its tables up to the very end of what the super block counts.
    func write(at start: Int64) throws(BundleFailure) -> (head: [UInt8], tables: [UInt8]) {
        let compressor = try TableCompressor(options)
        guard let memory = las_sqfs_memory_create(UInt64(start)) else { throw .squashfs("begin the tables", 0) }
        defer { las_sqfs_destroy(memory) }
        let file = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: sqfs_file_t.self)
        let latest = tree.entries.reduce(UInt32(0)) { max($0, $1.modified) }

        var block = sqfs_super_t()
        try check("begin the super block", sqfs_super_init(&block, options.blockSize, latest, SQFS_COMP_ZSTD))
        let written = las_sqfs_write_options(compressor.handle, file)
        if written < 0 { throw .squashfs("write the compression's options", written) }
        block.flags = UInt16(SQFS_FLAG_NO_XATTRS.rawValue)
        if written > 0 { block.flags |= UInt16(SQFS_FLAG_COMPRESSOR_OPTIONS.rawValue) }

        let owners = try LibraryObject(sqfs_id_table_create(0), "begin the table of owners")
        var root: UInt16 = 0
        try check("note the owner", sqfs_id_table_id_to_index(owners.handle, 0, &root))

        block.inode_table_start = UInt64(start)
        let attributes = try AttributeWriter(for: tree)
        let inodes = try InodeWriter(tree, groups, owner: root, attributes, file, compressor.handle)
        block.root_inode_ref = try inodes.write(rootModified: latest)
        block.inode_count = inodes.count
        block.directory_table_start = try inodes.finish(memory)

        let fragments = try LibraryObject(sqfs_frag_table_create(0), "begin the table of fragments")
        for group in groups {
            for fragment in group.layout.fragments {
                try check(
                    "note a fragment",
                    sqfs_frag_table_append(fragments.handle, UInt64(group.start + fragment.start), fragment.size, nil))
            }
        }
        try check(
            "write the table of fragments",
            sqfs_frag_table_write(fragments.handle, file, &block, compressor.handle))
        try check("write the table of owners", sqfs_id_table_write(owners.handle, file, &block, compressor.handle))
        try attributes?.write(to: file, &block, compressor.handle)
        // Padding must not count here: the kernel refuses an image that goes on after its last table.
        block.bytes_used = UInt64(start) + UInt64(memory.pointee.used)
        try check("write the super block", sqfs_super_write(&block, file))

        let head = withUnsafeBytes(of: memory.pointee.head) { Array($0) }
        return (head, Array(UnsafeRawBufferPointer(start: memory.pointee.bytes, count: memory.pointee.used)))
    }
}

func check(_ action: String, _ code: Int32) throws(BundleFailure) {
    if code != 0 { throw .squashfs(action, code) }
}
