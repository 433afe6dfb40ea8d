internal import CArchive
internal import Files
internal import Glibc

/// An archive that someone made: tar (plain, or compressed with gzip, bzip2, xz, zstd or lz4), zip or 7z, read by libarchive.
struct ArchiveFile {
    let path: String

    /// Why it can't be read.
    enum Trouble: Error {
        /// It is none of the kinds that are known.
        case unknown
        case encrypted
        /// What libarchive says.
        case damaged(String)
        /// The number of the entry that has the name.
        case notUTF8(Int)
    }

    /// An entry, lent to the reader; its contents can be read once.
    struct Entry: ~Copyable {
        enum Kind { case file, folder, link(target: String), hardLink(to: String), other }

        fileprivate let archive: OpaquePointer
        /// As it is written there.
        let name: String
        let kind: Kind
        /// nil where the archive says it only after the contents.
        let size: Int64?
        /// Somebody may run it.
        let isProgram: Bool
        /// Bytes of the archive that were read by now.
        let position: Int64

        /// Hands its contents out in pieces, each with its place; what is left out is zeros.
        ///
        /// - Returns: how long the file is.
        func read(_ body: (UnsafeRawBufferPointer, Int64) throws -> Void) throws -> Int64 {
            var end = size ?? 0
            while true {
                var block: UnsafeRawPointer?
                var (count, offset) = (0, Int64(0))
                let code = archive_read_data_block(archive, &block, &count, &offset)
                if code == ARCHIVE_EOF { return max(end, offset) }
                guard code == ARCHIVE_OK || code == ARCHIVE_WARN, offset >= 0, count >= 0 else {
                    throw ArchiveFile.trouble(archive)
                }
                try body(UnsafeRawBufferPointer(start: block, count: count), offset)
                end = max(end, offset + Int64(count))
            }
        }
    }

    /// Goes through all entries, in the order in which the archive has them.
    func read(_ body: (borrowing Entry) throws -> Void) throws {
        guard let archive = archive_read_new() else { throw DepotFailure("libarchive has no memory", .resources) }
        defer { archive_read_free(archive) }
        // Not all that libarchive has: for some it would start programs.
        for support in [
            archive_read_support_filter_gzip, archive_read_support_filter_bzip2, archive_read_support_filter_xz,
            archive_read_support_filter_zstd, archive_read_support_filter_lz4, archive_read_support_format_tar,
            archive_read_support_format_zip, archive_read_support_format_7zip,
        ] { _ = support(archive) }
        // Names in a tar are bytes, which only the C locale leaves as they are; those of the others are converted to the
        // locale's, which must be able to write them all.
        let locale = try isTar() ? nil : newlocale(1 << LC_CTYPE, "C.UTF-8", nil)
        let before = uselocale(locale)
        defer {
            uselocale(before)
            if let locale { freelocale(locale) }
        }
        _ = archive_read_set_format_option(archive, "zip", "hdrcharset", "UTF-8")
        guard archive_read_open_filename(archive, path, 1 << 18) == ARCHIVE_OK else {
            throw Self.trouble(archive)
        }
        var entry: OpaquePointer?
        var number = 0
        while true {
            let code = archive_read_next_header(archive, &entry)
            if code == ARCHIVE_EOF { return }
            number += 1
            guard code == ARCHIVE_OK || code == ARCHIVE_WARN, let entry else {
                if archive_read_has_encrypted_entries(archive) > 0 { throw Trouble.encrypted }
                throw Self.trouble(archive)
            }
            if archive_entry_is_encrypted(entry) != 0 { throw Trouble.encrypted }
            guard let name = archive_entry_pathname(entry).flatMap({ String(validatingCString: $0) }) else {
                throw Trouble.notUTF8(number)
            }
            try body(
                Entry(
                    archive: archive, name: name, kind: try Self.kind(of: entry, number),
                    size: archive_entry_size_is_set(entry) != 0 ? Int64(archive_entry_size(entry)) : nil,
                    isProgram: archive_entry_perm(entry) & 0o111 != 0,
                    position: Int64(archive_filter_bytes(archive, -1))))
        }
    }

    private static func kind(of entry: OpaquePointer, _ number: Int) throws -> Entry.Kind {
        func text(_ name: UnsafePointer<CChar>?) throws -> String {
            guard let text = name.flatMap({ String(validatingCString: $0) }) else { throw Trouble.notUTF8(number) }
            return text
        }
        if let target = archive_entry_hardlink(entry) { return .hardLink(to: try text(target)) }
        switch archive_entry_filetype(entry) {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        case S_IFLNK: return .link(target: try text(archive_entry_symlink(entry)))
        default: return .other
        }
    }

    private func isTar() throws -> Bool {
        let descriptor = try File.open(path, O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(descriptor) }
        var head = [UInt8](repeating: 0, count: 2)
        return Glibc.read(descriptor, &head, 2) == 2 && !head.elementsEqual("PK".utf8) && !head.elementsEqual("7z".utf8)
    }

    fileprivate static func trouble(_ archive: OpaquePointer) -> Trouble {
        let text = archive_error_string(archive).map { String(cString: $0) } ?? "it is damaged"
        return text == "Unrecognized archive format" ? .unknown : .damaged(text)
    }
}
