package import Files

/// A squashfs image, read without the kernel: a part in the store, or a slice of a bundle.
///
/// A hostile image gives an error; it neither leads out of the folder that it is unpacked into, nor crashes the reader.
package struct ImageReader: Sendable {
    let image: Image

    /// - Parameter offset: where the image begins in the file.
    package init(_ path: String, offset: Int64 = 0) throws(UnpackFailure) { image = try Image(path, offset: offset) }

    /// One file's bytes. Links are not followed.
    package func read(_ path: RelativePath, atMost limit: Int = 64 << 20) throws(UnpackFailure) -> [UInt8] {
        let metadata = try MetadataReader(image)
        var inode = try metadata.inode(image.rootInode)
        for component in path.components {
            guard case .folder(let listing, let size) = inode.kind,
                let entry = try metadata.list(listing, size: size).first(where: {
                    $0.name.elementsEqual(component.utf8)
                })
            else { throw .missing(path, in: image.path) }
            inode = try metadata.inode(entry.reference)
        }
        guard case .file(let data) = inode.kind else { throw .missing(path, in: image.path) }
        guard data.size <= limit else { throw .damaged("\(path) is larger than it may be", in: image.path) }
        let fragments = data.fragment == nil ? [] : try image.fragments(metadata)
        let reader = try FileReader(image, fragments: fragments)
        var bytes = [UInt8](repeating: 0, count: Int(data.size))
        try reader.read(data) { (offset, block) throws(UnpackFailure) in
            bytes.replaceSubrange(Int(offset)..<Int(offset) + block.count, with: block)
        }
        return bytes
    }
}
