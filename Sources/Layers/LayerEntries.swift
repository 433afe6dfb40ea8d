internal import Digests
internal import Files

/// The text of a layer's `entries` file: a first line with the format's version, the layer's name, then a line for each entry.
///
/// Fields are separated by tabs; a tab, a newline and a backslash in a name are `\t`, `\n` and `\\`.
/// `f MODE TIME SIZE PATH`, `d MODE TIME PATH`, `l MODE TIME PATH TARGET`, `h MODE TIME PATH FILE`, `x PATH`; modes in octal. In
/// version 2, which only lists with attributes have, each of an entry's attributes follows it: `a NAME VALUE`, in Base64.
package enum LayerEntries {
    private static func firstLine(_ version: Int) -> String { "las-layer-entries \(version)" }

    package static func text(of entries: [LayerEntry], name: String) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(entries.count * 80 + 100)
        text += firstLine(entries.allSatisfy(\.attributes.isEmpty) ? 1 : 2).utf8
        text.append(newline)
        append(name, to: &text)
        text.append(newline)
        for entry in entries {
            let letter: String =
                switch entry.kind {
                case .file: "f"
                case .folder: "d"
                case .link: "l"
                case .hardLink: "h"
                case .removed: "x"
                }
            text += letter.utf8
            if entry.kind != .removed {
                text.append(tab)
                text += String(entry.mode, radix: 8).utf8
                text.append(tab)
                text += String(entry.modified).utf8
            }
            if case .file(let size) = entry.kind {
                text.append(tab)
                text += String(size).utf8
            }
            text.append(tab)
            append(entry.path.string, to: &text)
            switch entry.kind {
            case .link(let target):
                text.append(tab)
                append(target, to: &text)
            case .hardLink(let file):
                text.append(tab)
                append(file.string, to: &text)
            default: break
            }
            text.append(newline)
            for attribute in entry.attributes {
                text += "a\t".utf8
                append(attribute.name, to: &text)
                text += "\t\(Base64.encode(attribute.value))\n".utf8
            }
        }
        return text
    }

    /// - Parameter place: the file that the text is from, for the error.
    package static func parse(_ text: [UInt8], place: String) throws(LayerFailure) -> (
        name: String, entries: [LayerEntry]
    ) {
        var lines = text.split(separator: newline, omittingEmptySubsequences: false)
        guard lines.last?.isEmpty == true else { throw broken(place, lines.count, "the file ends too early") }
        lines.removeLast()
        guard lines.count >= 2,
            let version = (1...2).first(where: { lines[0].elementsEqual(firstLine($0).utf8) })
        else { throw broken(place, 1, "“\(firstLine(1))” is expected") }
        var entries: [LayerEntry] = []
        entries.reserveCapacity(lines.count - 2)
        for (number, line) in lines.enumerated().dropFirst(2) {
            if version > 1, line.first == UInt8(ascii: "a") {
                guard let attribute = attribute(of: line), let entry = entries.popLast() else {
                    throw broken(place, number + 1, "this is not an attribute of an entry")
                }
                entries.append(entry.with(attribute))
                continue
            }
            guard let entry = entry(of: line) else { throw broken(place, number + 1, "this is not an entry") }
            if let last = entries.last, !(last.path < entry.path) {
                throw broken(place, number + 1, "the entries are not in order")
            }
            entries.append(entry)
        }
        return (unescaped(lines[1]), entries)
    }

    private static func broken(_ place: String, _ line: Int, _ what: String) -> LayerFailure {
        LayerFailure(
            "a layer's list of entries is damaged: \(what)", place: "\(place):\(line)",
            fix: "remove the folder \(File.parent(of: place)); it is made again")
    }

    private static func entry(of line: ArraySlice<UInt8>) -> LayerEntry? {
        let fields = line.split(separator: tab, omittingEmptySubsequences: false)
        guard fields[0].count == 1, let letter = fields[0].first else { return nil }
        if letter == UInt8(ascii: "x") {
            guard fields.count == 2, let path = RelativePath(unescaped(fields[1])) else { return nil }
            return LayerEntry(path: path, kind: .removed, mode: 0, modified: 0)
        }
        guard fields.count >= 4, let mode = UInt16(ascii(fields[1]), radix: 8), let modified = Int64(ascii(fields[2]))
        else {
            return nil
        }
        let kind: LayerEntry.Kind
        var pathField = 3
        switch letter {
        case UInt8(ascii: "f"):
            guard fields.count == 5, let size = Int64(ascii(fields[3])), size >= 0 else { return nil }
            kind = .file(size: size)
            pathField = 4
        case UInt8(ascii: "d"):
            guard fields.count == 4 else { return nil }
            kind = .folder
        case UInt8(ascii: "l"):
            guard fields.count == 5 else { return nil }
            kind = .link(target: unescaped(fields[4]))
        case UInt8(ascii: "h"):
            guard fields.count == 5, let file = RelativePath(unescaped(fields[4])) else { return nil }
            kind = .hardLink(to: file)
        default: return nil
        }
        guard let path = RelativePath(unescaped(fields[pathField])) else { return nil }
        return LayerEntry(path: path, kind: kind, mode: mode, modified: modified)
    }

    private static func attribute(of line: ArraySlice<UInt8>) -> FileAttribute? {
        let fields = line.split(separator: tab, omittingEmptySubsequences: false)
        guard fields.count == 3, fields[0].count == 1, let value = Base64.decode(fields[2]) else { return nil }
        let name = unescaped(fields[1])
        return FileAttribute.isKept(name) ? FileAttribute(name: name, value: value) : nil
    }

    private static let tab = UInt8(ascii: "\t"), newline = UInt8(ascii: "\n"), backslash = UInt8(ascii: "\\")

    private static func ascii(_ field: ArraySlice<UInt8>) -> String { String(decoding: field, as: UTF8.self) }

    private static func append(_ name: String, to text: inout [UInt8]) {
        for byte in name.utf8 {
            switch byte {
            case tab: text += [backslash, UInt8(ascii: "t")]
            case newline: text += [backslash, UInt8(ascii: "n")]
            case backslash: text += [backslash, backslash]
            default: text.append(byte)
            }
        }
    }

    private static func unescaped(_ field: ArraySlice<UInt8>) -> String {
        guard field.contains(backslash) else { return ascii(field) }
        var bytes: [UInt8] = []
        var rest = field.makeIterator()
        while let byte = rest.next() {
            guard byte == backslash, let letter = rest.next() else {
                bytes.append(byte)
                continue
            }
            switch letter {
            case UInt8(ascii: "t"): bytes.append(tab)
            case UInt8(ascii: "n"): bytes.append(newline)
            default: bytes.append(letter)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
