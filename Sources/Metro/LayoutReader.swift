internal import CYaml

/// Reads the layout of a file that is right YAML.
struct LayoutReader {
    private let lines: SourceLines
    private(set) var tree: LayoutTree
    /// How far the file was read.
    private var cursor = 0
    /// What no comment and no blank line can stand in.
    private var covered: [Range<Int>] = []

    private struct Event {
        let kind: yaml_event_type_t
        let range: Range<Int>
        let column: Int
        var style = LayoutTree.Style.plain
        var isFlow = false
    }

    /// It is no YAML after all.
    struct Unreadable: Error {}

    /// - Parameter source: with `\n` at the ends of its lines.
    static func read(_ source: [UInt8]) throws -> LayoutTree {
        var reader = LayoutReader(lines: SourceLines(source), tree: LayoutTree(source: source))
        try reader.document()
        reader.hangTrivia()
        return reader.tree
    }

    private init(lines: SourceLines, tree: LayoutTree) { (self.lines, self.tree) = (lines, tree) }

    // MARK: Events

    private mutating func document() throws {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else { throw Unreadable() }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        try tree.source.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            while true {
                let event = try next(&parser)
                switch event.kind {
                case YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT, YAML_DOCUMENT_END_EVENT: continue
                case YAML_STREAM_END_EVENT: return
                default: tree.root = try value(event, &parser, in: nil)
                }
            }
        }
    }

    private func next(_ parser: inout yaml_parser_t) throws -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(&parser, &raw) == 1 else { throw Unreadable() }
        defer { yaml_event_delete(&raw) }
        let start = lines.offset(ofCharacter: raw.start_mark.index)
        let end = max(start, lines.offset(ofCharacter: raw.end_mark.index))
        var event = Event(kind: raw.type, range: start..<end, column: Int(raw.start_mark.column))
        switch raw.type {
        case YAML_SCALAR_EVENT:
            switch raw.data.scalar.style {
            case YAML_LITERAL_SCALAR_STYLE: event.style = .literal
            case YAML_FOLDED_SCALAR_STYLE: event.style = .folded
            case YAML_PLAIN_SCALAR_STYLE: event.style = .plain
            default: event.style = .quoted
            }
        case YAML_SEQUENCE_START_EVENT: event.isFlow = raw.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
        case YAML_MAPPING_START_EVENT: event.isFlow = raw.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
        default: break
        }
        return event
    }

    // MARK: Values

    /// - Parameter block: that the value's entry stands in.
    private mutating func value(_ event: Event, _ parser: inout yaml_parser_t, in block: Int?) throws
        -> LayoutTree.Value
    {
        switch event.kind {
        case YAML_SCALAR_EVENT: return text(event, in: block)
        case YAML_SEQUENCE_START_EVENT, YAML_MAPPING_START_EVENT:
            if event.isFlow {
                let (flow, end) = try flow(event, &parser)
                let range = event.range.lowerBound..<end
                covered.append(range)
                cursor = end
                return .flow(range, flow)
            }
            return .block(try self.block(event, &parser, in: block))
        default: throw Unreadable()
        }
    }

    private mutating func text(_ event: Event, in block: Int?) -> LayoutTree.Value {
        if event.range.isEmpty { return .nothing }
        var range = event.range
        if event.style == .literal || event.style == .folded {
            let header = lineEnd(after: range.lowerBound)
            let scalar = BlockScalar(tree.source, at: range.lowerBound, in: block.map { tree.blocks[$0].column } ?? -1)
            range = range.lowerBound..<max(header, scalar.end)
            // A comment may stand behind its sign.
            covered.append(header..<range.upperBound)
        } else {
            covered.append(range)
        }
        cursor = range.upperBound
        return .text(range, event.style)
    }

    private func lineEnd(after offset: Int) -> Int {
        tree.source[offset...].firstIndex(of: UInt8(ascii: "\n")) ?? tree.source.count
    }

    private mutating func block(_ event: Event, _ parser: inout yaml_parser_t, in parent: Int?) throws -> Int {
        let isList = event.kind == YAML_SEQUENCE_START_EVENT
        let number = tree.blocks.count
        tree.blocks.append(LayoutTree.Block(isList: isList, column: event.column, parent: parent))
        while true {
            let event = try next(&parser)
            if event.kind == YAML_SEQUENCE_END_EVENT || event.kind == YAML_MAPPING_END_EVENT { return number }
            let anchor = tree.anchors.count
            tree.blocks[number].anchors.append(anchor)
            if isList {
                let dash = dash(before: event.range.lowerBound)
                tree.anchors.append(LayoutTree.Anchor(block: number, start: dash, key: nil))
                cursor = dash + 1
                tree.anchors[anchor].value = try value(event, &parser, in: number)
            } else {
                guard event.kind == YAML_SCALAR_EVENT, !tree.source[event.range].contains(UInt8(ascii: "\n")) else {
                    throw Unreadable()
                }
                tree.anchors.append(
                    LayoutTree.Anchor(block: number, start: event.range.lowerBound, key: event.range))
                covered.append(event.range)
                cursor = event.range.upperBound
                tree.anchors[anchor].value = try value(try next(&parser), &parser, in: number)
            }
        }
    }

    /// The dash of a list's entry, which no event tells: the first one since what was read last.
    private func dash(before end: Int) -> Int {
        var offset = cursor
        while offset < end {
            switch tree.source[offset] {
            case UInt8(ascii: "-"): return offset
            case UInt8(ascii: "#"): offset = lineEnd(after: offset)
            default: offset += 1
            }
        }
        return min(cursor, end)
    }

    /// - Returns: the value and where it ends.
    private func flow(_ event: Event, _ parser: inout yaml_parser_t) throws -> (LayoutTree.Flow, end: Int) {
        switch event.kind {
        case YAML_SCALAR_EVENT: return (.text(event.range), event.range.upperBound)
        case YAML_SEQUENCE_START_EVENT:
            var items: [LayoutTree.Flow] = []
            while true {
                let item = try next(&parser)
                if item.kind == YAML_SEQUENCE_END_EVENT { return (.list(items), item.range.upperBound) }
                items.append(try flow(item, &parser).0)
            }
        case YAML_MAPPING_START_EVENT:
            var members: [(key: Range<Int>, value: LayoutTree.Flow)] = []
            while true {
                let key = try next(&parser)
                if key.kind == YAML_MAPPING_END_EVENT { return (.map(members), key.range.upperBound) }
                guard key.kind == YAML_SCALAR_EVENT else { throw Unreadable() }
                members.append((key.range, try flow(try next(&parser), &parser).0))
            }
        default: throw Unreadable()
        }
    }

    // MARK: Comments and blank lines

    /// Gives each to what it belongs to.
    private mutating func hangTrivia() {
        let trivia = trivia()
        guard case .block = tree.root else {
            let end = covered.first?.lowerBound ?? tree.source.count
            tree.head = trivia.filter { $0.offset < end }
            tree.tail = trivia.filter { $0.offset >= end }
            return
        }
        var next = 0
        var run: [LayoutTree.Trivia] = []
        for piece in trivia {
            while next < tree.anchors.count, tree.anchors[next].start <= piece.offset {
                hang(run, after: next - 1, before: next)
                run = []
                next += 1
            }
            if piece.isOnOwnLine || next == 0 {
                run.append(piece)
            } else {
                hang(run, after: next - 1, before: next)
                run = []
                tree.anchors[next - 1].trailing.append(piece)
            }
        }
        hang(run, after: next - 1, before: next)
        takeHead()
    }

    /// What stands between two entries: it leads the second, unless it is indented as what the first one stands in.
    private mutating func hang(_ run: [LayoutTree.Trivia], after last: Int, before next: Int) {
        if run.isEmpty { return }
        guard last >= 0 else {
            tree.anchors[next].lead += run
            return
        }
        // Between a key and its text.
        if case .text(let range, _) = tree.anchors[last].value, run[0].offset < range.lowerBound {
            tree.anchors[last].lead += run.filter { $0.text != nil }
            return
        }
        if case .flow(let range, _) = tree.anchors[last].value, run[0].offset < range.lowerBound {
            tree.anchors[last].lead += run.filter { $0.text != nil }
            return
        }
        let target = next < tree.anchors.count ? tree.anchors[next].block : nil
        // The blocks that end here, the innermost first.
        var ending: [Int] = []
        var block: Int? = tree.anchors[last].block
        while let number = block, number != target, !(target.map { isInside($0, number) } ?? false) {
            ending.append(number)
            block = tree.blocks[number].parent
        }
        var blanks: [LayoutTree.Trivia] = []
        var rest: [LayoutTree.Trivia] = []
        for piece in run {
            guard piece.text != nil else {
                blanks.append(piece)
                continue
            }
            if let target, piece.column <= tree.blocks[target].column { ending = [] }
            while let first = ending.first, tree.blocks[first].column > piece.column, ending.count > 1 || target != nil
            {
                ending.removeFirst()
            }
            if let first = ending.first {
                tree.blocks[first].end += blanks + [piece]
            } else {
                rest += blanks + [piece]
            }
            blanks = []
        }
        rest += blanks
        if next < tree.anchors.count { tree.anchors[next].lead += rest }
    }

    /// Whether a block stands below another one, or is it.
    private func isInside(_ inner: Int, _ outer: Int) -> Bool {
        var block: Int? = inner
        while let number = block {
            if number == outer { return true }
            block = tree.blocks[number].parent
        }
        return false
    }

    /// What stands above everything with a blank line below it is of the whole file, and not of its first entry.
    private mutating func takeHead() {
        guard let lead = tree.anchors.first?.lead, let blank = lead.lastIndex(where: { $0.text == nil }) else { return }
        tree.head = Array(lead[...blank])
        tree.anchors[0].lead = Array(lead[(blank + 1)...])
    }

    private func trivia() -> [LayoutTree.Trivia] {
        let source = tree.source
        var found: [LayoutTree.Trivia] = []
        var (offset, lineStart, isBlank, cover) = (0, 0, true, 0)
        while offset < source.count {
            while cover < covered.count, covered[cover].upperBound <= offset { cover += 1 }
            if cover < covered.count, covered[cover].contains(offset) {
                let end = covered[cover].upperBound
                if let newline = source[offset..<end].lastIndex(of: UInt8(ascii: "\n")) { lineStart = newline + 1 }
                (offset, isBlank) = (end, end == lineStart)
                continue
            }
            switch source[offset] {
            case UInt8(ascii: "\n"):
                if isBlank { found.append(.init(offset: lineStart, column: 0, text: nil, isOnOwnLine: true)) }
                (lineStart, isBlank) = (offset + 1, true)
            case UInt8(ascii: " "), UInt8(ascii: "\t"): break
            case UInt8(ascii: "#"):
                let end = lineEnd(after: offset)
                let column = source[lineStart..<offset].count { $0 & 0b1100_0000 != 0b1000_0000 }
                var text = source[offset..<end]
                while let last = text.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") {
                    text.removeLast()
                }
                found.append(
                    .init(
                        offset: offset, column: column, text: String(decoding: text, as: UTF8.self),
                        isOnOwnLine: isBlank))
                isBlank = false
                offset = end
                continue
            default: isBlank = false
            }
            offset += 1
        }
        return found
    }
}
