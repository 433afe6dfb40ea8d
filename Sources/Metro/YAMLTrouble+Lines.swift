internal import Failures
internal import Files

/// Mistakes that libyaml notices only later, found by looking at the lines as a person does.
extension YAMLTrouble {
    // MARK: Blanks

    /// Tabs, and characters that only look like spaces, where lines are indented.
    func oddBlanks(_ line: SourceLine, _ source: SourceLines) -> Explained? {
        let bytes = source.line(around: line.start)
        let tabs = bytes.prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        let isTab = offset < source.bytes.count && source.bytes[offset] == UInt8(ascii: "\t")
        if isTab || problem.holds("tab character") || tabs.contains(UInt8(ascii: "\t")) {
            let first = bytes.firstIndex(of: UInt8(ascii: "\t")) ?? offset
            let place = source.position(of: first)
            let length = bytes[min(first, bytes.endIndex)...].prefix { $0 == UInt8(ascii: "\t") }.count
            return Explained(
                "a tab stands here, and YAML is indented by spaces only", at: place.reaching(max(1, length)),
                fix: "replace each tab at the beginning of a line by spaces")
        }
        guard problem.holds("expected") || problem.holds("allowed") else { return nil }
        var candidate: SourceLine? = line
        for _ in 0..<3 {
            guard let here = candidate else { return nil }
            if let first = here.text.unicodeScalars.first, SourceLines.isOddBlank(first) {
                let length = here.text.unicodeScalars.prefix { SourceLines.isOddBlank($0) }.count
                return Explained(
                    "this line is indented by characters that only look like spaces",
                    at: Position(line: here.number, column: here.indent + 1).reaching(length),
                    fix:
                        "delete what stands before the first word, and type spaces; it may come from a web page or a text program"
                )
            }
            candidate = here.before(in: source)
        }
        return nil
    }

    // MARK: Colons and dashes

    /// `key:value`, `key = value`, `-entry`, and colons of other scripts.
    func missingSpace(_ line: SourceLine, _ source: SourceLines) -> Explained? {
        var candidates: [SourceLine] = []
        switch problem {
        case "could not find expected ':'":
            candidates = contextOffset.map { [SourceLine(around: $0, in: source)] } ?? []
        case "mapping values are not allowed in this context":
            candidates = [line.before(in: source)].compactMap { $0 }
        case "did not find expected key", "did not find expected '-' indicator",
            "block sequence entries are not allowed in this context":
            candidates = [line]
        default: break
        }
        for line in candidates {
            if let found = missingSpace(in: line) { return found }
        }
        return nil
    }

    private func missingSpace(in line: SourceLine) -> Explained? {
        let text = line.text
        if text.hasPrefix("-"), let next = text.dropFirst().first, next != " ", next != "-" {
            return Explained(
                "a space is missing after the “-”",
                at: Position(line: line.number, column: line.indent + 1).reaching(1),
                fix: "write “- \(Shown.text(String(text.dropFirst()), atMost: 40))”")
        }
        let colons = "：﹕︰".unicodeScalars
        if let index = text.unicodeScalars.firstIndex(where: { colons.contains($0) }),
            index < (text.firstIndex(of: " ") ?? text.endIndex)
        {
            let end = text.unicodeScalars.index(after: index)
            return Explained(
                "“\(text.unicodeScalars[index])” is no colon that YAML knows", at: line.place(of: index, to: end),
                fix: "write “\(Shown.text(String(text[..<index]), atMost: 40)): ”, with a usual colon and a space")
        }
        let word = line.word
        guard let sign = line.rest.unicodeScalars.first, !word.isEmpty else { return nil }
        let rest = String(line.rest.unicodeScalars.dropFirst())
        let column = line.keyColumn + 1 + word.unicodeScalars.count
        let place = Position(line: line.number, column: column).reaching(1)
        let shown = Shown.text(word, atMost: 40)
        if sign == ":", let next = rest.unicodeScalars.first, next != " ", !rest.hasPrefix("//") {
            if SourceLines.isOddBlank(next) {
                return Explained(
                    "the character after the colon only looks like a space",
                    at: Position(line: line.number, column: column + 1).reaching(1),
                    fix: "delete it, and type a space")
            }
            return Explained(
                "a space is missing after the colon", at: place,
                fix: "write “\(shown): \(Shown.text(rest, atMost: 40))”")
        }
        let trimmed = line.rest.drop { $0 == " " }
        if trimmed.hasPrefix("="), !trimmed.hasPrefix("=="), Keys.isKnown(word) {
            let equals = line.rest.prefix { $0 == " " }.count
            return Explained(
                "a key and its value are joined by a colon, and not by “=”",
                at: Position(line: line.number, column: column + equals).reaching(1),
                fix: "write “\(shown): \(Shown.text(String(trimmed.dropFirst().drop { $0 == " " }), atMost: 40))”")
        }
        return nil
    }

    // MARK: Quotes

    /// A text that goes on after its closing quote, and backslashes in `"…"`.
    func quotes(_ line: SourceLine, _ source: SourceLines) -> Explained? {
        if problem.holds("escape") || problem.holds("hexdecimal") {
            let text = line.text
            let isPath = text.holds(":\\") || text.holds("\\Users")
            return Explained(
                "inside \"…\" YAML takes a backslash for itself", at: position,
                fix: isPath
                    ? "the parts of a path are joined by “/” here: “data/reads.fq”, from the metro's folder on"
                    : "use '…' around the text, or write it below “command: |”")
        }
        guard problem.hasPrefix("did not find expected"), !problem.holds("document") else { return nil }
        let before = source.bytes[line.start..<min(max(offset, line.start), source.bytes.count)]
        guard let last = before.lastIndex(where: { $0 != UInt8(ascii: " ") }),
            before[last] == UInt8(ascii: "\"") || before[last] == UInt8(ascii: "'"),
            let opening = before[..<last].firstIndex(of: before[last]),
            opening == before.startIndex || " ,[{".utf8.contains(before[opening - 1]), offset < source.bytes.count,
            !",]}#:\n\r".utf8.contains(source.bytes[offset])
        else { return nil }
        let quote = before[last] == UInt8(ascii: "'") ? "'" : "\""
        let start = source.position(of: opening)
        let end = source.position(of: last).column + 1
        let isApostrophe = quote == "'" && last + 1 == offset
        return Explained(
            "the quotes end here, and the text goes on", at: position,
            fix: isApostrophe
                ? "inside '…' an apostrophe is written twice: ''; or use \"…\" around the text"
                : "put the whole text into \(quote == "'" ? "\"…\"" : "'…'"), or write it below “command: |”",
            beside: .init("these", at: Position(line: start.line, column: start.column, endColumn: end)))
    }

    // MARK: Texts of several lines

    /// `|` and what stands below it.
    func blockText(_ line: SourceLine, _ source: SourceLines) -> Explained? {
        if context.holds("block scalar"), problem.holds("comment or line break"), let contextOffset {
            let line = SourceLine(around: contextOffset, in: source)
            let sign = character(at: contextOffset, in: source)
            let place = (contextPosition ?? position).reaching(1)
            if line.text.hasPrefix(sign) {
                return Explained(
                    "a line can't begin with “\(sign)” here", at: place,
                    fix: "a command of several lines is written below “command: |”, each line indented further")
            }
            return Explained(
                "what follows “\(sign)” begins on the next line", at: place,
                fix: "write the text below, indented; or put all of it into quotes, if the “\(sign)” is a part of it")
        }
        let problems = [
            "could not find expected ':'", "did not find expected key",
            "mapping values are not allowed in this context",
            "did not find expected '-' indicator",
        ]
        guard problems.contains(problem) else { return nil }
        let here =
            problem == "could not find expected ':'"
            ? contextOffset.map { SourceLine(around: $0, in: source) } ?? line : line
        guard var above = here.before(in: source) else { return nil }
        if above.opensBlock, here.indent <= above.keyColumn {
            return Explained(
                "the text below “\(Shown.text(above.text, atMost: 40))” must be indented further than “\(Shown.text(above.word))”",
                at: here.wholePlace, fix: "put spaces before each of its lines",
                beside: .init("its text belongs to this", at: above.wholePlace))
        }
        var first = above
        for _ in 0..<1000 {
            if above.opensBlock, above.keyColumn < here.indent, first.indent > here.indent {
                return Explained(
                    "this line is indented less than the first line of its text", at: here.wholePlace,
                    fix: "let all lines of a text begin at least where its first one does",
                    beside: .init("the first line", at: first.wholePlace))
            }
            if above.indent < here.indent || above.opensBlock { return nil }
            first = above
            guard let next = above.before(in: source) else { return nil }
            above = next
        }
        return nil
    }
}
