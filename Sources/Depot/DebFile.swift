internal import CArchive
internal import Failures
internal import Files
internal import Glibc

/// A Debian package file (deb(5)): an ar archive of two tar archives, read by libarchive.
struct DebFile {
    let path: String

    enum Part: String { case control, data }

    /// An entry of one of the tar archives, lent to the reader; its contents can be read once.
    struct Entry: ~Copyable {
        enum Kind { case file, folder, link(target: String), hardLink(to: String), other }

        fileprivate let archive: OpaquePointer
        /// As it is written there, often with `./` in front.
        let name: String
        let kind: Kind
        let mode: UInt16
        /// Seconds since 1970.
        let modified: Int64
        fileprivate let deb: String

        func contents(atMost limit: Int) throws(DepotFailure) -> [UInt8] {
            var bytes: [UInt8] = []
            while true {
                var block: UnsafeRawPointer?
                var (size, offset) = (0, Int64(0))
                let code = archive_read_data_block(archive, &block, &size, &offset)
                if code == ARCHIVE_EOF { return bytes }
                guard code == ARCHIVE_OK || code == ARCHIVE_WARN else { throw DebFile.damaged(deb, archive) }
                guard Int64(bytes.count) <= offset, Int(offset) + size <= limit else {
                    throw DebFile.hostile(deb, "\(name) is too long")
                }
                bytes += Array(repeating: 0, count: Int(offset) - bytes.count)
                bytes.append(contentsOf: UnsafeRawBufferPointer(start: block, count: size))
            }
        }

        /// Writes them to an open file.
        func write(to descriptor: Int32) throws(DepotFailure) {
            let code = archive_read_data_into_fd(archive, descriptor)
            guard code == ARCHIVE_OK || code == ARCHIVE_WARN else { throw DebFile.damaged(deb, archive) }
        }
    }

    /// Goes through the entries of both parts, in the order in which the file has them.
    func read(_ body: (Part, borrowing Entry) throws -> Void) throws {
        guard let outer = archive_read_new() else { throw DepotFailure("libarchive has no memory", .resources) }
        defer { archive_read_free(outer) }
        archive_read_support_format_ar(outer)
        guard archive_read_open_filename(outer, path, 1 << 18) == ARCHIVE_OK else { throw Self.damaged(path, outer) }
        var entry: OpaquePointer?
        var parts: [Part] = []
        while true {
            let code = archive_read_next_header(outer, &entry)
            if code == ARCHIVE_EOF { break }
            guard code == ARCHIVE_OK, let entry, let name = archive_entry_pathname(entry) else {
                throw Self.damaged(path, outer)
            }
            switch String(cString: name) {
            case let name where name.hasPrefix("control.tar"):
                parts.append(.control)
                try readTar(inside: outer) { try body(.control, $0) }
            case let name where name.hasPrefix("data.tar"):
                parts.append(.data)
                try readTar(inside: outer) { try body(.data, $0) }
            default: break
            }
        }
        guard parts == [.control, .data] else {
            throw Self.hostile(path, "it is not made of a control and a data archive")
        }
    }

    private func readTar(inside outer: OpaquePointer, _ body: (borrowing Entry) throws -> Void) throws {
        guard let archive = archive_read_new() else { throw DepotFailure("libarchive has no memory", .resources) }
        defer { archive_read_free(archive) }
        archive_read_support_filter_all(archive)
        archive_read_support_format_tar(archive)
        archive_read_support_format_empty(archive)
        archive_read_set_format_option(archive, "tar", "hdrcharset", "BINARY")
        let opened = archive_read_open(
            archive, UnsafeMutableRawPointer(outer), nil,
            { _, outer, block in
                guard let outer else { return -1 }
                var (size, offset) = (0, Int64(0))
                let code = archive_read_data_block(OpaquePointer(outer), block, &size, &offset)
                if code == ARCHIVE_EOF { return 0 }
                return code == ARCHIVE_OK ? size : -1
            }, nil)
        guard opened == ARCHIVE_OK else { throw Self.damaged(path, archive) }
        var entry: OpaquePointer?
        while true {
            let code = archive_read_next_header(archive, &entry)
            if code == ARCHIVE_EOF { return }
            guard code == ARCHIVE_OK || code == ARCHIVE_WARN, let entry, let name = archive_entry_pathname(entry) else {
                throw Self.damaged(path, archive)
            }
            guard let text = String(validatingCString: name) else {
                throw Self.hostile(path, "a name in it is not UTF-8")
            }
            let kind: Entry.Kind
            if let target = archive_entry_hardlink(entry) {
                kind = .hardLink(to: String(cString: target))
            } else {
                switch archive_entry_filetype(entry) {
                case S_IFREG: kind = .file
                case S_IFDIR: kind = .folder
                case S_IFLNK:
                    guard let target = archive_entry_symlink(entry).flatMap({ String(validatingCString: $0) }),
                        !target.isEmpty,
                        target.utf8.count < Int(PATH_MAX)
                    else { throw Self.hostile(path, "the link \(Shown.whole(text)) leads nowhere") }
                    kind = .link(target: target)
                default: kind = .other
                }
            }
            try body(
                Entry(
                    archive: archive, name: text, kind: kind, mode: UInt16(archive_entry_perm(entry) & 0o7777),
                    modified: Int64(archive_entry_mtime(entry)), deb: path))
        }
    }

    fileprivate static func damaged(_ path: String, _ archive: OpaquePointer) -> DepotFailure {
        let code = archive_errno(archive)
        let reason = archive_error_string(archive).map { String(cString: $0) }
        if [ENOSPC, EDQUOT, EFBIG].contains(code) {
            // libarchive says only that it could not write.
            return DepotFailure(
                "can't unpack \(path)", cause: String(cString: strerror(code)),
                fix: "free some space on the disk of LASH, or set LASH to a folder on another one", .resources)
        }
        return DepotFailure(
            "the package file \(path) is damaged", cause: reason, fix: "remove it and try again", .integrity)
    }

    static func hostile(_ path: String, _ what: String) -> DepotFailure {
        DepotFailure(
            "the package file \(path) is refused", cause: Shown.whole(what), fix: "check where the package is from",
            .integrity)
    }
}
