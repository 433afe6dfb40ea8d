internal import CYaml

/// Reads YAML with libyaml's parser, event by event, into nodes that know their places.
///
/// What a metro has no use for is a mistake (anchors, tags, several documents), and so is what would cost more than a metro
/// can be worth: its size, depth and number of nodes are bounded.
struct YAMLReader {
    static let sizeLimit = 16 << 20
    private static let depthLimit = 24
    /// Keys, values, lists and groups of a metro, and of all metros in it, together.
    static let nodeLimit = 250_000

    private let source: SourceLines
    private(set) var diagnostics: Diagnostics
    /// How many of them there have been.
    private var nodes: Int
    /// How many `[` and `{` are open.
    private var brackets = 0

    private struct Stopped: Error {}

    /// One file alone.
    static func read(_ text: [UInt8], diagnostics: inout Diagnostics) -> YAMLNode? {
        var nodes = 0
        return read(text, nodes: &nodes, diagnostics: &diagnostics)
    }

    /// - Parameter nodes: how many there were in files before it; those of this one are added.
    /// - Returns: the document, nil when it could not be read; `diagnostics` say why.
    static func read(_ text: [UInt8], nodes: inout Int, diagnostics: inout Diagnostics) -> YAMLNode? {
        guard text.count <= sizeLimit else {
            diagnostics.add(
                "the file has \(text.count) bytes, and a metro has at most \(sizeLimit)",
                at: Position(line: 1, column: 1),
                fix: "keep data in files of their own and name them under “inputs”")
            return nil
        }
        var bytes = text.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.dropFirst(3)) : text
        // As old Macs, and some spreadsheets, end their lines.
        for index in bytes.indices.dropLast()
        where bytes[index] == UInt8(ascii: "\r") && bytes[index + 1] != UInt8(ascii: "\n") {
            bytes[index] = UInt8(ascii: "\n")
        }
        var reader = YAMLReader(source: SourceLines(bytes), diagnostics: diagnostics, nodes: nodes)
        defer { (diagnostics, nodes) = (reader.diagnostics, reader.nodes) }
        guard reader.isReadable() else { return nil }
        return reader.document()
    }

    // MARK: Before YAML

    /// That it is text in UTF-8 at all.
    private mutating func isReadable() -> Bool {
        let bytes = source.bytes
        let start = Position(line: 1, column: 1)
        let save = "save it as UTF-8: editors offer it as “encoding” when a file is saved"
        if let encoding = Self.encoding(of: bytes) {
            diagnostics.add("the file is text in \(encoding), and a metro is UTF-8", at: start, fix: save)
            return false
        }
        if let zero = bytes.firstIndex(of: 0) {
            diagnostics.add(
                "the file is not text: it holds a NUL byte", at: source.position(of: zero),
                fix: "a metro is written with a text editor; was another file meant?")
            return false
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            diagnostics.add(
                "this character is not UTF-8", at: source.position(of: Self.firstInvalid(in: bytes)).reaching(1),
                fix: "save the file as UTF-8; it may be in an older encoding such as Latin-1")
            return false
        }
        // YAML ends a line at them, and no editor does.
        if let separator = Self.separator(in: bytes) {
            diagnostics.add(
                "an invisible sign that ends a line stands here", at: source.position(of: separator).reaching(1),
                fix: "delete it, and begin a new line; it may come from a text program or a web page")
            return false
        }
        return true
    }

    /// UTF-16 and UTF-32, which begin with a mark, or have a NUL beside each usual letter.
    private static func encoding(of bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0, 0xFE, 0xFF]) { return "UTF-32" }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return "UTF-16" }
        guard bytes.count >= 4 else { return nil }
        let isNothing = bytes.prefix(4).map { $0 == 0 }
        if isNothing == [false, true, true, true] || isNothing == [true, true, true, false] { return "UTF-32" }
        return isNothing == [false, true, false, true] || isNothing == [true, false, true, false] ? "UTF-16" : nil
    }

    /// U+0085, U+2028, U+2029.
    private static func separator(in bytes: [UInt8]) -> Int? {
        bytes.indices.first { index in
            if bytes[index] == 0xC2, index + 1 < bytes.count { return bytes[index + 1] == 0x85 }
            guard bytes[index] == 0xE2, index + 2 < bytes.count else { return false }
            return bytes[index + 1] == 0x80 && (bytes[index + 2] == 0xA8 || bytes[index + 2] == 0xA9)
        }
    }

    private static func firstInvalid(in bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): offset += String(scalar).utf8.count
            case .emptyInput, .error: return offset
            }
        }
    }

    // MARK: Events

    private mutating func document() -> YAMLNode? {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else { return nil }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        return source.bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            do {
                var root: YAMLNode?
                while true {
                    let event = try next(&parser)
                    switch event.kind {
                    case YAML_STREAM_START_EVENT, YAML_DOCUMENT_END_EVENT: continue
                    case YAML_DOCUMENT_START_EVENT:
                        if root != nil {
                            diagnostics.add(
                                "a second document begins here, and a metro is one", at: event.start,
                                fix: "take out the line “---”, or put the second metro into a file of its own")
                            return nil
                        }
                    case YAML_STREAM_END_EVENT: return root ?? YAMLNode.nothing(at: Position(line: 1, column: 1))
                    default: root = try node(event, &parser, depth: 0)
                    }
                }
            } catch {
                return nil
            }
        }
    }

    private struct Event {
        let kind: yaml_event_type_t
        let start: Position
        /// Where it ends, as libyaml counts.
        let end: yaml_mark_t
        var text: SourceText?
        var isPlain = false
        var isFlow = false

        /// Has an anchor or a tag, which is told.
        var isMarked = false

        /// Where it stands, up to the end of another one.
        func reaching(_ last: Event) -> Position {
            guard isFlow, Int(last.end.line) + 1 == start.line else { return start }
            return Position(line: start.line, column: start.column, endColumn: Int(last.end.column) + 1)
        }
    }

    private mutating func next(_ parser: inout yaml_parser_t) throws -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(&parser, &raw) == 1 else {
            complain(of: parser)
            throw Stopped()
        }
        defer { yaml_event_delete(&raw) }
        let start = Self.position(raw.start_mark, to: raw.end_mark)
        var event = Event(kind: raw.type, start: start, end: raw.end_mark)
        var (hasAnchor, hasTag) = (false, false)
        switch raw.type {
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            let value = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            let isBlock = scalar.style == YAML_LITERAL_SCALAR_STYLE || scalar.style == YAML_FOLDED_SCALAR_STYLE
            let from = source.offset(ofCharacter: raw.start_mark.index)
            let to = max(from, source.offset(ofCharacter: raw.end_mark.index))
            event.isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            event.text = SourceText(
                value, pieces: source.pieces(of: value, in: from..<to, at: start, isBlock: isBlock),
                isPlain: event.isPlain,
                cutBy: event.isPlain ? source.comment(at: to) : nil)
            if event.isPlain, brackets == 0, raw.end_mark.line > raw.start_mark.line {
                checkLines(of: from..<to, at: start)
            }
            (hasAnchor, hasTag) = (scalar.anchor != nil, scalar.tag != nil)
        case YAML_SEQUENCE_START_EVENT:
            let sequence = raw.data.sequence_start
            event.isFlow = sequence.style == YAML_FLOW_SEQUENCE_STYLE
            (hasAnchor, hasTag) = (sequence.anchor != nil, sequence.tag != nil)
        case YAML_MAPPING_START_EVENT:
            let mapping = raw.data.mapping_start
            event.isFlow = mapping.style == YAML_FLOW_MAPPING_STYLE
            (hasAnchor, hasTag) = (mapping.anchor != nil, mapping.tag != nil)
        default: break
        }
        if hasAnchor || hasTag {
            event.isMarked = true
            let sign = hasAnchor ? "&" : "!"
            diagnostics.add(
                "YAML takes a text that begins with “\(sign)” for \(hasAnchor ? "an anchor" : "a tag"), which a metro has no use for",
                at: start,
                fix: "put the whole text into quotes; where \(hasAnchor ? "an anchor" : "a tag") is meant, take it out")
        }
        return event
    }

    /// `command: wc` and “- -l” below it: YAML makes one text of them.
    private mutating func checkLines(of range: Range<Int>, at start: Position) {
        let lines = source.bytes[range].split(
            separator: UInt8(ascii: "\n"), maxSplits: 1000, omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated().dropFirst() {
            let text = line.drop { $0 == UInt8(ascii: " ") }
            guard text.starts(with: "- ".utf8) else { continue }
            let column = text.startIndex - line.startIndex + 1
            diagnostics.add(
                "a list stands below a text, and YAML takes its “-” for a part of the text",
                at: Position(line: start.line + number, column: column).reaching(1),
                fix: "write a text or a list after the key, and not both")
            return
        }
    }

    private mutating func node(_ event: Event, _ parser: inout yaml_parser_t, depth: Int) throws -> YAMLNode {
        if depth > Self.depthLimit {
            diagnostics.add(
                "this is nested too deeply", at: event.start,
                fix: "a metro has no more than a few levels; look for a “[” or “{” too many")
            throw Stopped()
        }
        nodes += 1
        if nodes > Self.nodeLimit {
            diagnostics.add(
                "there are more than \(Self.nodeLimit) keys and values up to here, and a metro has fewer",
                at: event.start,
                fix: "name many files by a pattern, “reads/*.fq”, and let “for_each” run a station for each of them")
            throw Stopped()
        }
        if event.isFlow { brackets += 1 }
        let node = try content(event, &parser, depth: depth)
        if event.isFlow { brackets -= 1 }
        return event.isMarked
            ? YAMLNode(content: .refused, position: node.position, isFlow: node.isFlow) : node
    }

    private mutating func content(_ event: Event, _ parser: inout yaml_parser_t, depth: Int) throws -> YAMLNode {
        switch event.kind {
        case YAML_SCALAR_EVENT:
            guard let text = event.text else { return .nothing(at: event.start) }
            return YAMLNode(content: .text(text, isPlain: event.isPlain), position: event.start, isFlow: false)
        case YAML_ALIAS_EVENT:
            diagnostics.add(
                "YAML takes a text that begins with “*” for a reference, which a metro has no use for", at: event.start,
                fix: "put the whole text into quotes; where what stands elsewhere is meant, write it here again")
            return YAMLNode(content: .refused, position: event.start, isFlow: false)
        case YAML_SEQUENCE_START_EVENT:
            var items: [YAMLNode] = []
            while true {
                let item = try next(&parser)
                if item.kind == YAML_SEQUENCE_END_EVENT {
                    return YAMLNode(content: .list(items), position: event.reaching(item), isFlow: event.isFlow)
                }
                items.append(try node(item, &parser, depth: depth + 1))
            }
        case YAML_MAPPING_START_EVENT:
            var members: [(key: YAMLNode, value: YAMLNode)] = []
            while true {
                let key = try next(&parser)
                if key.kind == YAML_MAPPING_END_EVENT {
                    let position = event.isFlow ? event.reaching(key) : members.first?.key.position ?? event.start
                    return YAMLNode(content: .map(members), position: position, isFlow: event.isFlow)
                }
                let name = try node(key, &parser, depth: depth + 1)
                members.append((name, try node(try next(&parser), &parser, depth: depth + 1)))
            }
        default: return .nothing(at: event.start)
        }
    }

    private static func position(_ mark: yaml_mark_t, to end: yaml_mark_t? = nil) -> Position {
        let endColumn = end.flatMap { $0.line == mark.line ? Int($0.column) + 1 : nil }
        return Position(line: Int(mark.line) + 1, column: Int(mark.column) + 1, endColumn: endColumn)
    }

    // MARK: YAML's own complaints, in plain words

    private mutating func complain(of parser: yaml_parser_t) {
        let problem = parser.problem.map { String(cString: $0) } ?? "this is not YAML"
        let context = parser.context.map { String(cString: $0) } ?? ""
        if parser.error == YAML_READER_ERROR {
            diagnostics.add(
                "this character can't stand in a YAML file", at: source.position(of: Int(parser.problem_offset)),
                fix: "remove it; it may be invisible")
            return
        }
        let mark = parser.problem_mark
        let trouble = YAMLTrouble(
            problem: problem, context: context, position: Self.position(mark),
            contextPosition: context.isEmpty ? nil : Self.position(parser.context_mark),
            offset: source.offset(ofCharacter: Int(mark.index)),
            contextOffset: context.isEmpty ? nil : source.offset(ofCharacter: Int(parser.context_mark.index)))
        let explained = trouble.explained(in: source)
        diagnostics.add(explained.message, at: explained.position, fix: explained.fix, beside: explained.beside)
    }
}
