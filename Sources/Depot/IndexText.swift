internal import Glibc

/// An archive's list of packages, read for what libsolv does not keep: it is too long to be taken apart whole.
enum IndexText {
    /// The names of the paragraphs with `Essential: yes`, which libsolv does not keep.
    static func essentials(in text: [UInt8]) -> [String] {
        var names: [String] = []
        paragraphs(with: "\nEssential: ", in: text) { value, paragraph in
            guard value == "yes" else { return }
            for line in paragraph.split(separator: UInt8(ascii: "\n")) where line.starts(with: "Package: ".utf8) {
                names.append(String(decoding: line.dropFirst(9), as: UTF8.self))
            }
        }
        return names
    }

    /// Walks over the paragraphs that have a field, without taking the others apart.
    ///
    /// - Parameters:
    ///   - field: a newline, its name, a colon and a blank.
    ///   - text: ends with a NUL byte.
    static func paragraphs(
        with field: String, in text: [UInt8], _ body: (_ value: String, _ paragraph: UnsafeRawBufferPointer) -> Void
    ) {
        text.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self) else { return }
            let newline = CChar(10)
            var place = start
            while let hit = strstr(place, field) {
                let value = UnsafePointer(hit) + field.utf8.count
                let end = UnsafePointer(strchr(value, Int32(newline)) ?? hit + strlen(hit))
                place = end
                let word = String(decoding: UnsafeRawBufferPointer(start: value, count: end - value), as: UTF8.self)
                body(word, paragraph(around: UnsafePointer(hit), in: bytes))
            }
        }
    }

    private static func paragraph(
        around place: UnsafePointer<CChar>, in text: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        guard let start = text.baseAddress?.assumingMemoryBound(to: CChar.self) else { return text }
        let newline = CChar(10)
        var first = place
        while first > start, !(first[0] == newline && first[-1] == newline) { first -= 1 }
        let end = strstr(place, "\n\n").map { UnsafePointer($0) } ?? start + (text.count - 1)
        return UnsafeRawBufferPointer(start: first, count: end - first)
    }
}
