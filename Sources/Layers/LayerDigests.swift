package import Digests
package import Files
internal import Glibc

/// The SHA-256 digests of a layer's files, in its file `digests`: `entries` first, then what lies beside `tree`, then what
/// lies in it. `sha256sum -c digests` reads it too.
package struct LayerDigests: Sendable {
    /// A file of the layer, and what its bytes must be.
    package struct Line: Hashable, Sendable {
        /// Below the layer's folder.
        package let path: String
        package let digest: Digest
    }

    package let lines: [Line]

    static let name = "digests"

    /// Reads and hashes all files of a layer that is just made.
    init(of folder: String, entries: [LayerEntry]) throws(FileFailure) {
        var paths = ["entries"]
        for name in try Folder.names(in: folder) where !["entries", Self.name, "unsynced"].contains(name) {
            if File.status("\(folder)/\(name)")?.kind == .file { paths.append(name) }
        }
        for entry in entries { if case .file = entry.kind { paths.append("tree/\(entry.path)") } }
        var lines: [Line] = []
        lines.reserveCapacity(paths.count)
        for path in paths { lines.append(Line(path: path, digest: try FileDigest.digest(of: "\(folder)/\(path)"))) }
        self.lines = lines
    }

    /// - Returns: nil for what is no such file.
    init?(_ text: [UInt8]) {
        guard text.last == Self.newline else { return nil }
        var lines: [Line] = []
        for var line in text.dropLast().split(separator: Self.newline, omittingEmptySubsequences: false) {
            let isEscaped = line.first == Self.backslash
            if isEscaped { line = line.dropFirst() }
            guard line.count > 66, line.dropFirst(64).prefix(2).elementsEqual("  ".utf8),
                let digest = Digest(hex: String(decoding: line.prefix(64), as: UTF8.self))
            else { return nil }
            let path = Array(line.dropFirst(66))
            lines.append(
                Line(
                    path: String(decoding: isEscaped ? Self.unescaped(path) : path, as: UTF8.self), digest: digest))
        }
        guard lines.first?.path == "entries" else { return nil }
        self.lines = lines
    }

    var text: [UInt8] {
        var text: [UInt8] = []
        for line in lines {
            let path = Array(line.path.utf8)
            let escaped = Self.escaped(path)
            if escaped.count != path.count { text.append(Self.backslash) }
            text += line.digest.hex.utf8
            text += "  ".utf8
            text += escaped
            text.append(Self.newline)
        }
        return text
    }

    private static let newline = UInt8(ascii: "\n"), backslash = UInt8(ascii: "\\")

    private static func escaped(_ path: [UInt8]) -> [UInt8] {
        path.flatMap { byte in
            switch byte {
            case newline: Array("\\n".utf8)
            case UInt8(ascii: "\r"): Array("\\r".utf8)
            case backslash: Array("\\\\".utf8)
            default: [byte]
            }
        }
    }

    private static func unescaped(_ path: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = path.makeIterator()
        while let byte = rest.next() {
            guard byte == backslash, let letter = rest.next() else {
                bytes.append(byte)
                continue
            }
            switch letter {
            case UInt8(ascii: "n"): bytes.append(newline)
            case UInt8(ascii: "r"): bytes.append(UInt8(ascii: "\r"))
            default: bytes.append(letter)
            }
        }
        return bytes
    }
}

extension Layer {
    /// The digests of its files, in the order of its entries, as they were when it was made; nil where they are not written
    /// down, or not for just these files.
    package var fileDigests: [Digest]? {
        let place = "\(File.parent(of: tree))/\(LayerDigests.name)"
        guard let text = try? File.read(place) else { return nil }
        return text.withUnsafeBytes { text in
            var digests: [Digest] = []
            var line = 0
            func skip() -> Bool {
                guard let end = text[line...].firstIndex(of: UInt8(ascii: "\n")) else { return false }
                line = end + 1
                return true
            }
            /// Where the digest's 64 digits are followed by these bytes, and nothing more.
            func names(_ path: String) -> Bool {
                let end = line + 66 + path.utf8.count
                return end < text.count && text[end] == UInt8(ascii: "\n")
                    && text[(line + 66)..<end].elementsEqual(path.utf8)
            }
            // Of a layer that an image has only in part, lines are passed over.
            for entry in entries {
                guard case .file = entry.kind else { continue }
                let path = "tree/\(entry.path)"
                while !names(path) { if !skip() { return nil } }
                guard let digest = Digest(hex: text[line..<(line + 64)]) else { return nil }
                digests.append(digest)
            }
            return digests
        }
    }
}

package enum FileDigest {
    /// Of a file's bytes; links are not followed.
    package static func digest(of path: String) throws(FileFailure) -> Digest {
        let descriptor = try File.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, action: "read")
        defer { close(descriptor) }
        var hasher = SHA256()
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
        defer { room.deallocate() }
        while true {
            let count = read(descriptor, room.baseAddress!, room.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileFailure("read", path) }
            if count == 0 { return hasher.digest() }
            hasher.update(UnsafeRawBufferPointer(rebasing: room[..<count]))
        }
    }
}
