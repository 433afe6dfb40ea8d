internal import CLinux
internal import Glibc

/// An extended attribute that a file's or folder's owner gave it: `user.` and a name, with any bytes.
package struct FileAttribute: Hashable, Sendable {
    /// With `user.` before it.
    package let name: String
    package let value: [UInt8]

    package init(name: String, value: [UInt8]) { (self.name, self.value) = (name, value) }

    /// Whether attributes of that name are kept: those of an owner. Others give rights, or are the system's own, and what
    /// overlays keep in such a name is none of their files' business. A tar can't hold every letter.
    package static func isKept(_ name: String) -> Bool {
        name.begins(with: "user.") && (6...255).contains(name.utf8.count) && !name.begins(with: "user.overlay.")
            && name.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "%") }
    }

    /// What Linux takes for a value.
    package static let mostBytes = 1 << 16

    /// Gives them to an open file or folder. Where the file system can't hold one, the file goes without it.
    package static func give(_ attributes: [FileAttribute], to descriptor: Int32) {
        for attribute in attributes {
            _ = attribute.value.withUnsafeBytes {
                las_set_attribute(descriptor, attribute.name, $0.baseAddress, $0.count)
            }
        }
    }

    package static func give(_ attributes: [FileAttribute], to path: String) throws(FileFailure) {
        if attributes.isEmpty { return }
        let descriptor = try File.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, action: "open")
        defer { close(descriptor) }
        give(attributes, to: descriptor)
    }
}

extension File {
    /// The attributes of a file or folder that are kept, sorted by name, bytewise; links are not followed.
    package static func attributes(of path: String) throws(FileFailure) -> [FileAttribute] {
        let names = try filled(path) { las_attribute_names(path, $0?.assumingMemoryBound(to: CChar.self), $1) }
        var attributes: [FileAttribute] = []
        for name in names.split(separator: 0) {
            // What is no text was set by nobody who wants it kept.
            guard let name = String(validating: name, as: UTF8.self), FileAttribute.isKept(name) else { continue }
            let value = try filled(path) { las_attribute(path, name, $0, $1) }
            attributes.append(FileAttribute(name: name, value: value))
        }
        return attributes.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// What a call fills in, which tells how long that is when it is given no room; nothing where the file system has none.
    private static func filled(
        _ path: String, by fill: (UnsafeMutableRawPointer?, Int) -> Int
    ) throws(FileFailure) -> [UInt8] {
        while true {
            let size = fill(nil, 0)
            var code = size < 0 ? errno : 0
            if size > 0 {
                let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                    let filled = fill(buffer.baseAddress, size)
                    code = filled < 0 ? errno : 0
                    count = max(0, filled)
                }
                if code == 0 { return bytes }
            }
            if [0, EOPNOTSUPP, ENODATA].contains(code) { return [] }
            // It has grown meanwhile.
            if code != ERANGE { throw FileFailure("read the attributes of", path, code: code) }
        }
    }
}
