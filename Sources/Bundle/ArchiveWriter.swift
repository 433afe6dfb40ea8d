internal import CArchive
internal import Files
internal import Glibc

/// An archive that is written entry by entry, by libarchive: the same entries give the same bytes.
final class ArchiveWriter {
    enum Format {
        /// A tar that every tar reads; what its head has no room for stands in pax records.
        case tar
        /// The bytes of one entry and nothing else: for the filter alone.
        case raw
    }

    enum Filter: Equatable {
        case none
        /// On several threads; their number doesn't change the bytes.
        case zstd(level: Int, threads: Int)
        case gzip
    }

    private let archive: OpaquePointer
    private let sink: Sink
    private var isClosed = false

    /// What libarchive's callback reaches.
    private final class Sink {
        let write: (UnsafeRawBufferPointer) throws -> Void
        var failure: (any Error)?

        init(_ write: @escaping (UnsafeRawBufferPointer) throws -> Void) { self.write = write }
    }

    /// - Parameter write: takes the archive's bytes as they come.
    init(
        _ format: Format, _ filter: Filter, write: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) throws(BundleFailure) {
        guard let archive = archive_write_new() else { throw .archive("libarchive has no memory") }
        self.archive = archive
        sink = Sink(write)
        switch format {
        case .tar:
            try check(archive_write_set_format_pax_restricted(archive))
            // Names are bytes; without this they would go through the locale.
            try check(archive_write_set_format_option(archive, "pax", "hdrcharset", "BINARY"))
            // Attributes as every program knows them, and not once more as only libarchive does.
            try check(archive_write_set_format_option(archive, "pax", "xattrheader", "SCHILY"))
        case .raw: try check(archive_write_set_format_raw(archive))
        }
        switch filter {
        case .none: try check(archive_write_add_filter_none(archive))
        case .zstd(let level, let threads):
            try check(archive_write_add_filter_zstd(archive))
            try check(archive_write_set_filter_option(archive, "zstd", "compression-level", String(level)))
            try check(archive_write_set_filter_option(archive, "zstd", "threads", String(max(1, threads))))
        case .gzip:
            try check(archive_write_add_filter_gzip(archive))
            try check(archive_write_set_filter_option(archive, "gzip", "timestamp", nil))
        }
        archive_write_set_bytes_per_block(archive, 256 << 10)
        archive_write_set_bytes_in_last_block(archive, 1)
        let opened = archive_write_open(
            archive, Unmanaged.passUnretained(sink).toOpaque(), nil,
            { _, context, bytes, count in
                guard let context else { return -1 }
                let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
                do {
                    try sink.write(UnsafeRawBufferPointer(start: bytes, count: count))
                    return count
                } catch {
                    sink.failure = error
                    return -1
                }
            }, nil)
        try check(opened)
    }

    deinit { archive_write_free(archive) }

    enum Kind {
        case file(size: Int64)
        case folder
        case link(target: String)
        case hardLink(to: String)
    }

    /// Begins an entry; a file's bytes follow with `append`.
    func begin(
        _ name: String, _ kind: Kind, mode: UInt16, modified: Int64, attributes: [FileAttribute] = []
    ) throws {
        guard let entry = archive_entry_new() else { throw BundleFailure.archive("libarchive has no memory") }
        defer { archive_entry_free(entry) }
        archive_entry_set_pathname(entry, name)
        archive_entry_set_perm(entry, mode_t(mode))
        archive_entry_set_uid(entry, 0)
        archive_entry_set_gid(entry, 0)
        archive_entry_set_mtime(entry, Int(modified), 0)
        switch kind {
        case .file(let size):
            archive_entry_set_filetype(entry, S_IFREG)
            archive_entry_set_size(entry, size)
        case .folder: archive_entry_set_filetype(entry, S_IFDIR)
        case .link(let target):
            archive_entry_set_filetype(entry, S_IFLNK)
            archive_entry_set_symlink(entry, target)
        case .hardLink(let target):
            archive_entry_set_filetype(entry, S_IFREG)
            archive_entry_set_hardlink(entry, target)
        }
        for attribute in attributes {
            archive_entry_xattr_add_entry(entry, attribute.name, attribute.value, attribute.value.count)
        }
        try pass(archive_write_header(archive, entry))
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = archive_write_data(archive, rest.baseAddress, rest.count)
            guard count > 0 else {
                try pass(ARCHIVE_FATAL)
                return
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[Int(count)...])
        }
    }

    /// Writes what ends the archive.
    func finish() throws { try pass(archive_write_close(archive)) }

    private func pass(_ code: Int32) throws {
        if let failure = sink.failure { throw failure }
        try check(code)
    }

    private func check(_ code: Int32) throws(BundleFailure) {
        if code == ARCHIVE_OK || code == ARCHIVE_WARN { return }
        throw .archive(archive_error_string(archive).map { String(cString: $0) } ?? "error \(code)")
    }
}

extension BundleFailure {
    fileprivate static func archive(_ words: String) -> BundleFailure {
        BundleFailure("can't write the archive", cause: "libarchive: \(words)", exitCode: .resources)
    }
}

extension ArchiveWriter {
    /// All entries of a tree, in the order of their paths.
    /// - Parameters:
    ///   - prefix: what stands before each name: "./", or nothing.
    ///   - progress: told how many bytes more of the files are in.
    func add(_ tree: ImageTree, progress: (Int64) -> Void = { _ in }) throws {
        struct Content: Hashable {
            let group: Int
            let number: Int
        }
        var seen: [Content: String] = [:]
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
        defer { room.deallocate() }
        for entry in tree.entries {
            let (name, modified) = (entry.path.string, Int64(entry.modified))
            switch entry.kind {
            case .folder:
                try begin(
                    name + "/", .folder, mode: entry.mode, modified: modified, attributes: entry.attributes)
            case .link(let target): try begin(name, .link(target: target), mode: 0o777, modified: modified)
            case .file(let group, let number):
                if let first = seen[Content(group: group, number: number)] {
                    try begin(name, .hardLink(to: first), mode: entry.mode, modified: modified)
                    continue
                }
                seen[Content(group: group, number: number)] = name
                let file = tree.groups[group][number]
                try begin(
                    name, .file(size: file.size), mode: entry.mode, modified: modified, attributes: entry.attributes)
                try append(file, room)
                progress(file.size)
            }
        }
    }

    private func append(_ file: ImageFile, _ room: UnsafeMutableRawBufferPointer) throws {
        guard file.size > 0 else { return }
        switch file.content {
        case .bytes(let bytes): try bytes.withUnsafeBytes { try append($0) }
        case .file, .layered:
            let reading = try FileReading(file)
            for offset in stride(from: 0, to: file.size, by: room.count) {
                let count = Int(min(Int64(room.count), file.size - offset))
                let piece = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
                try reading.read(at: offset, into: piece)
                try append(UnsafeRawBufferPointer(piece))
            }
        }
    }
}
