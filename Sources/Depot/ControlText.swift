/// A paragraph of the format that Debian's control files, release files and `.sources` files share (deb822(5)).
struct ControlParagraph: Sendable {
    struct Field: Sendable {
        let name: String
        /// Without the white space around it; further lines as they were, less their first blank.
        let value: String
        /// Of the field's first line, from 1.
        let line: Int
    }

    let fields: [Field]

    /// The value of a field; names are the same whatever their case.
    subscript(name: String) -> String? {
        let sought = name.lowercased()
        return fields.first { $0.name.lowercased() == sought }?.value
    }

    var line: Int { fields.first?.line ?? 1 }

    /// A value as words separated by white space.
    func words(_ name: String) -> [String] {
        self[name].map { $0.split(whereSeparator: \.isWhitespace).map(String.init) } ?? []
    }
}

enum ControlText {
    /// The paragraphs of a text; lines that begin with `#` are comments.
    ///
    /// - Parameter place: for the error, the name of the file.
    static func paragraphs(of text: [UInt8], place: String) throws(DepotFailure) -> [ControlParagraph] {
        var paragraphs: [ControlParagraph] = []
        var fields: [ControlParagraph.Field] = []
        var current: (name: String, value: [String], line: Int)?
        func endField() {
            guard let field = current else { return }
            while current?.value.last == "" { current?.value.removeLast() }
            fields.append(
                .init(name: field.name, value: current?.value.joined(separator: "\n") ?? "", line: field.line))
            current = nil
        }
        func endParagraph() {
            endField()
            if !fields.isEmpty { paragraphs.append(ControlParagraph(fields: fields)) }
            fields = []
        }
        for (number, bytes) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        {
            if bytes.first == UInt8(ascii: "#") { continue }
            let line = trimmedEnd(bytes)
            guard let first = line.first else {
                endParagraph()
                continue
            }
            if first == UInt8(ascii: " ") || first == UInt8(ascii: "\t") {
                guard current != nil else {
                    throw DepotFailure(
                        "a line goes on with a field that never began", place: "\(place):\(number + 1)", .usage)
                }
                current?.value.append(String(decoding: line.dropFirst(), as: UTF8.self))
                continue
            }
            endField()
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else {
                throw DepotFailure("“NAME: VALUE” is expected", place: "\(place):\(number + 1)", .usage)
            }
            let value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            current = (
                String(decoding: line[..<colon], as: UTF8.self), [String(decoding: value, as: UTF8.self)], number + 1
            )
        }
        endParagraph()
        return paragraphs
    }

    private static func trimmedEnd(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var end = line
        while let last = end.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") || last == UInt8(ascii: "\r")
        {
            end.removeLast()
        }
        return end
    }
}
