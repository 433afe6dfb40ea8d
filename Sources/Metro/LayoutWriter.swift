/// Writes a layout as the project has it: keys in the order of the documentation, two spaces for each level, one between signs.
/// Texts stay as they were written.
struct LayoutWriter {
    private let tree: LayoutTree
    private var lines: [String] = []
    /// Where an empty line would only be noise.
    private var refusesBlank = true

    static func text(of tree: LayoutTree) -> String {
        var writer = LayoutWriter(tree: tree)
        writer.write(tree.head, indent: 0)
        switch tree.root {
        case .block(let number): writer.write(number, as: .group(.metro), indent: 0, prefix: nil, leads: true)
        default:
            writer.write(
                tree.root, as: .group(.metro), after: "", in: -1, indent: 0,
                trailing: tree.tail.first { !$0.isOnOwnLine })
        }
        writer.write(tree.tail.filter(\.isOnOwnLine), indent: 0)
        return writer.lines.joined(separator: "\n") + "\n"
    }

    private init(tree: LayoutTree) { self.tree = tree }

    private static func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }

    // MARK: Lines

    private mutating func write(_ trivia: [LayoutTree.Trivia], indent: Int) {
        for piece in trivia {
            if let text = piece.text {
                add(Self.spaces(indent) + text)
            } else if !refusesBlank {
                lines.append("")
                refusesBlank = true
            }
        }
    }

    private mutating func add(_ line: String) {
        lines.append(line)
        refusesBlank = false
    }

    /// A line with a comment behind it, in its old column where there is room.
    private func line(_ text: String, _ comment: LayoutTree.Trivia?) -> String {
        guard let comment, let words = comment.text else { return text }
        let width = text.unicodeScalars.count
        return text + Self.spaces(max(1, comment.column - width)) + words
    }

    // MARK: Blocks

    /// - Parameters:
    ///   - prefix: what stands before the first entry on its line; nil for a line of its own.
    ///   - leads: whether what stands above the first entry is to be written.
    private mutating func write(_ number: Int, as value: Key.Value?, indent: Int, prefix: String?, leads: Bool) {
        let block = tree.blocks[number]
        let shape = LayoutShape(of: value, keys: block.isList ? nil : block.anchors.map(key))
        for (position, anchor) in shape.ordered(block.anchors, by: key).enumerated() {
            let entry = tree.anchors[anchor]
            var trailing = entry.trailing
            var above = position == 0 && !leads ? [] : entry.lead
            // One line has one comment behind it.
            if block.isList, case .block(let child) = entry.value {
                above += trailing + comments(aboveFirstOf: child, shape.value(of: ""))
                trailing = []
            } else if trailing.count > 1 {
                above += trailing.dropLast()
                trailing = [trailing[trailing.count - 1]]
            }
            write(above, indent: indent)
            let start = position == 0 ? prefix ?? Self.spaces(indent) : Self.spaces(indent)
            let value = shape.value(of: key(anchor))
            switch (entry.value, block.isList) {
            case (.block(let child), true):
                write(child, as: value, indent: indent + 2, prefix: start + "- ", leads: false)
            case (.block(let child), false):
                add(line(start + tree.text(entry.key ?? 0..<0) + ":", trailing.first))
                refusesBlank = true
                write(child, as: value, indent: indent + 2, prefix: nil, leads: true)
            case (_, true):
                write(
                    entry.value, as: value, after: start + "-", in: block.column, indent: indent,
                    trailing: trailing.first)
            case (_, false):
                write(
                    entry.value, as: value, after: start + tree.text(entry.key ?? 0..<0) + ":", in: block.column,
                    indent: indent,
                    trailing: trailing.first)
            }
        }
        write(block.end, indent: indent)
    }

    /// What stands above the first entry of what begins behind a dash goes above the dash.
    private func comments(aboveFirstOf number: Int, _ value: Key.Value?) -> [LayoutTree.Trivia] {
        let block = tree.blocks[number]
        let shape = LayoutShape(of: value, keys: block.isList ? nil : block.anchors.map(key))
        guard let first = shape.ordered(block.anchors, by: key).first else { return [] }
        var comments = tree.anchors[first].lead.filter { $0.text != nil }
        if block.isList, case .block(let child) = tree.anchors[first].value {
            comments += self.comments(aboveFirstOf: child, shape.value(of: ""))
        }
        return comments
    }

    /// An entry's key without its quotes; empty in a list.
    private func key(_ anchor: Int) -> String { tree.anchors[anchor].key.map { Self.bare(tree.text($0)) } ?? "" }

    private static func bare(_ text: String) -> String {
        guard text.count > 1, let quote = text.first, quote == "\"" || quote == "'" else { return text }
        return String(text.dropFirst().dropLast())
    }

    // MARK: Values on the line of their key

    /// - Parameters:
    ///   - column: of the entry's block in the file.
    ///   - indent: of the entry.
    private mutating func write(
        _ value: LayoutTree.Value, as kind: Key.Value?, after start: String, in column: Int, indent: Int,
        trailing: LayoutTree.Trivia?
    ) {
        let gap = start.isEmpty ? "" : " "
        var written: [String]
        // The line that a comment goes behind.
        var commented: Int?
        var keepsBlanks = false
        switch value {
        case .nothing, .block: written = [start]
        case .text(let range, .literal), .text(let range, .folded):
            let (header, content) = blockScalar(range, in: column, indent: indent + 2)
            written = [start + gap + header] + content
            commented = 0
            keepsBlanks = header.contains("+")
        case .text(let range, let style):
            written = folded(tree.text(range), isPlain: style == .plain, indent: indent + 2)
            written[0] = start + gap + written[0]
        case .flow(let range, let flow):
            let isOneLine = !tree.source[range].contains(UInt8(ascii: "\n"))
            written = isOneLine ? [self.flow(flow, as: kind)] : severalLines(range, flow, indent: indent)
            written[0] = start + gap + written[0]
        }
        let place = commented ?? written.count - 1
        written[place] = line(written[place], trailing)
        lines += written
        // Below a text that keeps its blank lines one more would be its own.
        refusesBlank = keepsBlanks
    }

    private func blockScalar(_ range: Range<Int>, in column: Int, indent: Int) -> (header: String, content: [String]) {
        let scalar = BlockScalar(tree.source, at: range.lowerBound, in: column)
        var header = String(UnicodeScalar(scalar.sign))
        if scalar.hasIndentation { header += "2" }
        // A text that the file's end cuts off has no line's end, which the file will have.
        if scalar.isCutOff {
            header += "-"
        } else if let chomping = scalar.chomping {
            header += String(UnicodeScalar(chomping))
        }
        return (header, scalar.lines.map { $0.isEmpty ? "" : Self.spaces(indent) + $0 })
    }

    /// The lines of a text that YAML folds.
    private func folded(_ text: String, isPlain: Bool, indent: Int) -> [String] {
        let parts = text.split(separator: "\n", omittingEmptySubsequences: false)
        return parts.enumerated().map { number, part in
            var part = number == 0 ? part : part.drop { $0 == " " || $0 == "\t" }
            if isPlain { while let last = part.last, last == " " || last == "\t" { part.removeLast() } }
            return number == 0 ? String(part) : part.isEmpty ? "" : Self.spaces(indent) + part
        }
    }

    // MARK: Braces and brackets

    private func flow(_ flow: LayoutTree.Flow, as value: Key.Value?) -> String {
        switch flow {
        case .text(let range): return tree.text(range)
        case .list(let items):
            let shape = LayoutShape(of: value, keys: nil)
            return "[" + items.map { self.flow($0, as: shape.value(of: "")) }.joined(separator: ", ") + "]"
        case .map(let members):
            if members.isEmpty { return "{}" }
            let keys = members.map { Self.bare(tree.text($0.key)) }
            let shape = LayoutShape(of: value, keys: keys)
            let texts = shape.ordered(Array(members.indices)) { keys[$0] }.map { number in
                let text = self.flow(members[number].value, as: shape.value(of: keys[number]))
                return tree.text(members[number].key) + ":" + (text.isEmpty ? "" : " " + text)
            }
            return "{ " + texts.joined(separator: ", ") + " }"
        }
    }

    /// Its lines stay, each indented by what is open at its beginning.
    private func severalLines(_ range: Range<Int>, _ flow: LayoutTree.Flow, indent: Int) -> [String] {
        var texts: [Range<Int>] = []
        func collect(_ flow: LayoutTree.Flow) {
            switch flow {
            case .text(let range): texts.append(range)
            case .list(let items): items.forEach(collect)
            case .map(let members):
                for member in members {
                    texts.append(member.key)
                    collect(member.value)
                }
            }
        }
        collect(flow)
        var lines: [String] = []
        var (depth, start, isComment, text) = (0, range.lowerBound, false, 0)
        var depthAtStart = 0
        func finish(_ end: Int, isInText: Bool) {
            var line = tree.source[start..<end].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            if !isInText {
                while let last = line.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") {
                    line.removeLast()
                }
            }
            let closes = line.prefix { $0 == UInt8(ascii: "]") || $0 == UInt8(ascii: "}") }.count
            let level = Self.spaces(indent + 2 * max(0, depthAtStart - closes))
            lines.append((lines.isEmpty || line.isEmpty ? "" : level) + String(decoding: line, as: UTF8.self))
        }
        var offset = range.lowerBound
        while offset < range.upperBound {
            while text < texts.count, texts[text].upperBound <= offset { text += 1 }
            let isInText = text < texts.count && texts[text].contains(offset)
            let byte = tree.source[offset]
            if byte == UInt8(ascii: "\n") {
                finish(offset, isInText: isInText)
                (start, isComment, depthAtStart) = (offset + 1, false, depth)
            } else if !isInText, !isComment {
                switch byte {
                case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
                case UInt8(ascii: "#"): isComment = true
                default: break
                }
            }
            offset += 1
        }
        finish(range.upperBound, isInText: false)
        return lines
    }
}
