internal import Glibc

/// Paths read by their bytes.
///
/// Swift compares and splits texts by what a reader sees: `é` is equal to `e` with an accent after it, and a slash with an
/// accent after it is no slash. To the system both pairs are different, and the slash is one.
extension StringProtocol {
    /// The names of a path, without empty ones.
    package var pathNames: [String] {
        utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether it begins with these bytes.
    package func begins(with start: String) -> Bool { utf8.starts(with: start.utf8) }

    /// Whether it ends with these bytes.
    package func ends(with end: String) -> Bool { utf8.reversed().starts(with: end.utf8.reversed()) }

    /// Whether it has these bytes somewhere.
    package func holds(_ part: String) -> Bool {
        // Not `contains`: that brings a reader of regular expressions along, a megabyte of every static program.
        var (text, part) = (String(self), part)
        return text.withUTF8 { text in
            part.withUTF8 { part in
                guard let start = text.baseAddress, let sought = part.baseAddress, part.count <= text.count else {
                    return part.isEmpty
                }
                return (0...(text.count - part.count)).contains { memcmp(start + $0, sought, part.count) == 0 }
            }
        }
    }

    /// What is left when the bytes at its beginning are taken away; nil when it begins otherwise.
    package func after(_ start: String) -> String? {
        begins(with: start) ? String(decoding: utf8.dropFirst(start.utf8.count), as: UTF8.self) : nil
    }
}

/// A text that is equal to another only byte for byte: as a key of a table of paths.
package struct ExactText: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let string: String

    package init(_ string: String) { self.string = string }

    package var description: String { string }

    package static func == (left: ExactText, right: ExactText) -> Bool {
        var (one, other) = (left.string, right.string)
        return one.withUTF8 { one in
            other.withUTF8 { other in
                guard one.count == other.count, let start = one.baseAddress, let otherStart = other.baseAddress else {
                    return one.count == other.count
                }
                return memcmp(start, otherStart, one.count) == 0
            }
        }
    }

    package static func < (left: ExactText, right: ExactText) -> Bool {
        var (one, other) = (left.string, right.string)
        return one.withUTF8 { one in
            other.withUTF8 { other in
                guard let start = one.baseAddress, let otherStart = other.baseAddress else {
                    return one.count < other.count
                }
                let order = memcmp(start, otherStart, min(one.count, other.count))
                return order == 0 ? one.count < other.count : order < 0
            }
        }
    }

    package func hash(into hasher: inout Hasher) {
        var string = string
        string.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)
    }
}
