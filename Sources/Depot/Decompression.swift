internal import CArchive
internal import Files

/// A compressed file's contents (xz, gzip, zstd, bzip2 or none), by libarchive.
enum Decompression {
    /// - Throws: exit code 5 when it is damaged or longer than `limit` bytes.
    static func bytes(of path: String, atMost limit: Int64) throws -> [UInt8] {
        let archive = archive_read_new()
        defer { archive_read_free(archive) }
        archive_read_support_filter_all(archive)
        archive_read_support_format_raw(archive)
        archive_read_support_format_empty(archive)
        var entry: OpaquePointer?
        guard archive_read_open_filename(archive, path, 1 << 18) == ARCHIVE_OK else { throw damaged(path, archive) }
        let first = archive_read_next_header(archive, &entry)
        if first == ARCHIVE_EOF { return [] }
        guard first == ARCHIVE_OK else { throw damaged(path, archive) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(min(limit, 1 << 27)))
        while true {
            var block: UnsafeRawPointer?
            var size = 0
            var offset: Int64 = 0
            let code = archive_read_data_block(archive, &block, &size, &offset)
            if code == ARCHIVE_EOF { return bytes }
            guard code == ARCHIVE_OK, Int64(bytes.count + size) <= limit else { throw damaged(path, archive) }
            bytes.append(contentsOf: UnsafeRawBufferPointer(start: block, count: size))
        }
    }

    private static func damaged(_ path: String, _ archive: OpaquePointer?) -> DepotFailure {
        DepotFailure(
            "can't read the package index \(path)",
            cause: archive_error_string(archive).map { String(cString: $0) }
                ?? "it is longer than its release file says",
            fix: "remove that file and try again", .integrity)
    }
}
