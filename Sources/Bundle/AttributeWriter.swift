internal import CSquashfs
internal import Files

/// Writes the table of an image's extended attributes, by libsquashfs. Files with the same attributes share an entry of it.
final class AttributeWriter {
    /// What stands for no attributes.
    static let none: UInt32 = 0xffff_ffff

    private let writer: LibraryObject

    /// - Returns: nil for a tree in which nothing has attributes: its image has no such table.
    init?(for tree: ImageTree) throws(BundleFailure) {
        if tree.entries.allSatisfy(\.attributes.isEmpty) { return nil }
        writer = try LibraryObject(sqfs_xattr_writer_create(0), "begin the table of attributes")
    }

    /// Which entry of the table an inode names.
    func number(of entry: ImageEntry) throws(BundleFailure) -> UInt32 {
        if entry.attributes.isEmpty { return Self.none }
        let action = "note the attributes of \(entry.path)"
        var number = Self.none
        try check(action, sqfs_xattr_writer_begin(writer.handle, 0))
        for attribute in entry.attributes {
            let (name, value) = (attribute.name, attribute.value)
            try check(action, sqfs_xattr_writer_add(writer.handle, name, value, value.count))
        }
        try check(action, sqfs_xattr_writer_end(writer.handle, &number))
        return number
    }

    /// To be called last: the table ends the image.
    func write(
        to file: UnsafeMutablePointer<sqfs_file_t>, _ block: inout sqfs_super_t,
        _ compressor: UnsafeMutablePointer<sqfs_compressor_t>
    ) throws(BundleFailure) {
        block.flags &= ~UInt16(SQFS_FLAG_NO_XATTRS.rawValue)
        try check(
            "write the table of attributes", sqfs_xattr_writer_flush(writer.handle, file, &block, compressor))
    }
}
