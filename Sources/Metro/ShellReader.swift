internal import Failures

/// Reads a command as bash does, as far as quoting goes, and finds for each placeholder how its value must be quoted.
///
/// Where a value could not be quoted safely, it is a mistake rather than a guess.
struct ShellReader {
    typealias Mistake = CommandTemplate.Mistake

    private enum Context {
        /// The command itself, `$(…)`, `(…)`; `cases`: how many `case` wait for their `esac`, since a `)` ends a pattern there.
        case command(opening: String, cases: Int)
        case backticks
        case single
        case double
        case escaped
        /// `${…}`; whether `'` quotes in it.
        case parameter(quotes: Bool)
        /// `((…))` and `$((…))`, with the parentheses open in it.
        case arithmetic(depth: Int)
    }

    private struct HereDocument {
        let delimiter: [UInt8]
        let stripsTabs: Bool
        let offset: Int
    }

    let elements: [Braces.Element]
    private(set) var index = 0
    private var stack: [(context: Context, offset: Int)] = [(.command(opening: "", cases: 0), 0)]
    private var hereDocuments: [HereDocument] = []
    /// The unquoted word that is being read, nil where a quote or a value makes it no keyword.
    private var word: [UInt8]? = []
    private(set) var isAtWordStart = true
    /// Whether the next word is a command or one of the shell's own words.
    private var isAtCommandStart = true
    private(set) var literal: [UInt8] = []
    /// `|`, `&&` and their like, when nothing has followed yet.
    private var openOperator: (text: String, offset: Int)?

    private(set) var pieces: [CommandTemplate.Piece] = []
    var mistakes: [Mistake] = []
    var suspects: [Suspect] = []

    init(_ elements: [Braces.Element]) { self.elements = elements }

    /// How deep quotes, `$(` and the like may stand in each other.
    private static let deepest = 200

    mutating func read() {
        while index < elements.count {
            step()
            if stack.count > Self.deepest {
                mistakes.append(
                    Mistake(
                        offset: stack[stack.count - 1].offset,
                        message: "quotes and brackets stand too deep in each other here",
                        fix: "put the command into a script of its own, in the folder “files/bin” beside the metro"))
                return
            }
        }
        endWord()
        flush()
        if stack.count > 1 { complainOfOpen() } else { complainOfOperator() }
        for document in hereDocuments {
            let name = String(decoding: document.delimiter, as: UTF8.self)
            mistakes.append(
                Mistake(
                    offset: document.offset, length: 2, message: "the here-document “\(Shown.text(name))” does not end",
                    fix: "end it by a line that is exactly “\(Shown.text(name))”"))
        }
    }

    private mutating func complainOfOpen() {
        let (opening, offset): (String, Int) =
            switch stack[stack.count - 1] {
            case (.command(let opening, _), let offset): (opening, offset)
            case (.backticks, let offset): ("`", offset)
            case (.single, let offset): ("'", offset)
            case (.double, let offset): ("\"", offset)
            case (.escaped, let offset): ("$'", offset)
            case (.parameter, let offset): ("${", offset)
            case (.arithmetic, let offset): ("((", offset)
            }
        mistakes.append(
            Mistake(
                offset: offset, length: opening.utf8.count, message: "the “\(opening)” that opens here is never closed",
                fix: "close it", isOfTheEnd: true))
    }

    private mutating func complainOfOperator() {
        guard let (text, offset) = openOperator, text.hasPrefix("|") || text == "&&" else { return }
        mistakes.append(
            Mistake(
                offset: offset, length: text.utf8.count,
                message: "the command ends with “\(text)”, and nothing follows it",
                fix: "write what comes after it, or take it out", isOfTheEnd: true))
    }

    /// Outside of all quotes.
    var isUnquoted: Bool {
        switch stack[stack.count - 1].context {
        case .command, .backticks: true
        default: false
        }
    }

    // MARK: Elements

    func byte(_ ahead: Int = 0) -> UInt8? {
        guard index + ahead < elements.count, case .byte(let byte, _) = elements[index + ahead] else { return nil }
        return byte
    }

    private func sees(_ text: StaticString, ahead: Int = 0) -> Bool {
        for position in 0..<text.utf8CodeUnitCount where byte(ahead + position) != text.utf8Start[position] {
            return false
        }
        return true
    }

    /// Takes so many elements literally; a placeholder among them can't be one.
    private mutating func take(_ count: Int) {
        for _ in 0..<count where index < elements.count {
            switch elements[index] {
            case .byte(let byte, _): literal.append(byte)
            case .placeholder(let word, _): literal.append(contentsOf: Array("{\(word)}".utf8))
            }
            index += 1
        }
    }

    private mutating func flush() {
        if !literal.isEmpty { pieces.append(.literal(String(decoding: literal, as: UTF8.self))) }
        literal = []
    }

    private mutating func push(_ context: Context, taking count: Int) {
        stack.append((context, elements[index].offset))
        take(count)
        isAtWordStart = true
        isAtCommandStart = true
        word = []
    }

    private mutating func pop(taking count: Int) {
        take(count)
        stack.removeLast()
        isAtWordStart = false
        isAtCommandStart = false
        word = nil
    }

    // MARK: Contexts

    private mutating func step() {
        if case .placeholder(let word, let offset) = elements[index] { return value(word, offset) }
        suspectBrace()
        switch stack[stack.count - 1].context {
        case .single:
            if byte() == UInt8(ascii: "'") { pop(taking: 1) } else { take(1) }
        case .escaped:
            if byte() == UInt8(ascii: "\\") {
                escape()
            } else if byte() == UInt8(ascii: "'") {
                pop(taking: 1)
            } else {
                take(1)
            }
        case .double:
            if byte() == UInt8(ascii: "\"") { pop(taking: 1) } else if !expansion() { take(1) }
        case .parameter(let quotes):
            if byte() == UInt8(ascii: "}") { return pop(taking: 1) }
            if quotes, byte() == UInt8(ascii: "'") { return push(.single, taking: 1) }
            if byte() == UInt8(ascii: "\"") { return push(.double, taking: 1) }
            if !expansion() { take(1) }
        case .arithmetic(let depth):
            if depth == 0, sees("))") { return pop(taking: 2) }
            if byte() == UInt8(ascii: "(") { stack[stack.count - 1].context = .arithmetic(depth: depth + 1) }
            if byte() == UInt8(ascii: ")") { stack[stack.count - 1].context = .arithmetic(depth: max(0, depth - 1)) }
            if byte() == UInt8(ascii: "'") { return push(.single, taking: 1) }
            if byte() == UInt8(ascii: "\"") { return push(.double, taking: 1) }
            if byte() == UInt8(ascii: "(") || byte() == UInt8(ascii: ")") || !expansion() { take(1) }
        case .command, .backticks:
            command()
        }
    }

    /// `\`, `$…` and backticks, which mean the same outside quotes and inside `"…"`.
    private mutating func expansion() -> Bool {
        switch byte() {
        case UInt8(ascii: "\\"): escape()
        case UInt8(ascii: "`"):
            // Inside backticks the next one closes them, whatever is open between.
            if let opened = stack.lastIndex(where: { if case .backticks = $0.context { true } else { false } }) {
                stack.removeSubrange((opened + 1)...)
                pop(taking: 1)
            } else {
                push(.backticks, taking: 1)
            }
        case UInt8(ascii: "$"):
            suspectVariable()
            if sees("$((") {
                push(.arithmetic(depth: 0), taking: 3)
            } else if sees("$(") {
                push(.command(opening: "$(", cases: 0), taking: 2)
            } else if sees("${") {
                push(.parameter(quotes: parameterQuotes()), taking: 2)
            } else {
                return false
            }
        default: return false
        }
        return true
    }

    private mutating func escape() {
        take(1)
        isAtWordStart = false
        word = nil
        guard index < elements.count else { return }
        guard case .placeholder(let name, let offset) = elements[index] else { return take(1) }
        mistakes.append(
            Mistake(
                offset: offset, length: name.utf8.count + 2,
                message: "a backslash does not keep “{\(Shown.text(name))}” from being a placeholder",
                fix: "write “{{\(Shown.text(name))}}” for the text, or take the backslash out for the value"))
    }

    /// Outside `"…"` quotes work in `${…}` as anywhere; inside, only in the patterns of `${x%…}` and its like.
    private func parameterQuotes() -> Bool {
        loop: for (context, _) in stack.reversed() {
            switch context {
            case .double: break loop
            case .parameter: continue
            default: return true
            }
        }
        var ahead = 2
        while let next = byte(ahead), Braces.isWordPart(next) && next != UInt8(ascii: "-") { ahead += 1 }
        return byte(ahead).map { "%#/^,".utf8.contains($0) } ?? false
    }

    private mutating func command() {
        guard let next = byte() else { return }
        if !" \t\n#|&".utf8.contains(next) { openOperator = nil }
        if next >= 0x80 { complainOfSign() }
        switch next {
        case UInt8(ascii: "'"): push(.single, taking: 1)
        case UInt8(ascii: "\""): push(.double, taking: 1)
        case UInt8(ascii: "$") where sees("$'"): push(.escaped, taking: 2)
        case UInt8(ascii: "$") where sees("$\""): push(.double, taking: 2)
        case UInt8(ascii: "$"), UInt8(ascii: "\\"), UInt8(ascii: "`"):
            if !expansion() { plain() }
        case UInt8(ascii: "#") where isAtWordStart:
            while index < elements.count, byte() != UInt8(ascii: "\n") { take(1) }
        case UInt8(ascii: "<") where sees("<<<"):
            endWord()
            take(3)
        case UInt8(ascii: "<") where sees("<<"): hereDocument()
        case UInt8(ascii: "\n"):
            endWord()
            take(1)
            bodies()
            isAtCommandStart = true
        case UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"):
            endWord()
            let offset = elements[index].offset
            if let (text, start) = openOperator, start + text.utf8.count == offset {
                openOperator = (text + String(UnicodeScalar(next)), start)
            } else {
                openOperator = (String(UnicodeScalar(next)), offset)
            }
            take(1)
            isAtCommandStart = true
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "<"), UInt8(ascii: ">"):
            endWord()
            take(1)
        case UInt8(ascii: "("):
            let startsWord = isAtWordStart
            endWord()
            if startsWord, sees("((") {
                push(.arithmetic(depth: 0), taking: 2)
            } else {
                push(.command(opening: "(", cases: 0), taking: 1)
            }
        case UInt8(ascii: ")"):
            endWord()
            if case .command(let opening, 0) = stack[stack.count - 1].context, !opening.isEmpty {
                return pop(taking: 1)
            }
            take(1)
            isAtCommandStart = true
        default: plain()
        }
    }

    private mutating func plain() {
        if let next = byte() { word?.append(next) }
        isAtWordStart = false
        take(1)
    }

    /// The shell's words after which a command follows.
    private static let leading: Set<String> = ["if", "then", "elif", "else", "while", "until", "do", "!", "{", "time"]

    private mutating func endWord() {
        defer {
            word = []
            isAtWordStart = true
        }
        guard isAtCommandStart, !isAtWordStart || word == nil else { return }
        let text = word.map { String(decoding: $0, as: UTF8.self) } ?? ""
        isAtCommandStart = Self.leading.contains(text)
        guard case .command(let opening, let cases) = stack[stack.count - 1].context else { return }
        if text == "case" { stack[stack.count - 1].context = .command(opening: opening, cases: cases + 1) }
        if text == "esac", cases > 0 { stack[stack.count - 1].context = .command(opening: opening, cases: cases - 1) }
    }

    // MARK: Here-documents

    /// Reads `<<` or `<<-` and its delimiter; the bodies follow after the line.
    private mutating func hereDocument() {
        endWord()
        let offset = elements[index].offset
        take(2)
        let stripsTabs = byte() == UInt8(ascii: "-")
        if stripsTabs { take(1) }
        while byte() == UInt8(ascii: " ") || byte() == UInt8(ascii: "\t") { take(1) }
        var delimiter: [UInt8] = []
        var quote: UInt8?
        while let next = byte() {
            if let open = quote {
                if next == open { quote = nil } else { delimiter.append(next) }
            } else if next == UInt8(ascii: "'") || next == UInt8(ascii: "\"") {
                quote = next
            } else if " \t\n;&|<>()".utf8.contains(next) {
                break
            } else if next != UInt8(ascii: "\\") {
                delimiter.append(next)
            }
            take(1)
        }
        if index < elements.count, case .placeholder(let word, let offset) = elements[index] {
            complainOfDocument(word, offset)
            take(1)
        }
        hereDocuments.append(HereDocument(delimiter: delimiter, stripsTabs: stripsTabs, offset: offset))
        isAtWordStart = false
    }

    private mutating func bodies() {
        while let document = hereDocuments.first, index < elements.count {
            var line: [UInt8] = []
            while index < elements.count, byte() != UInt8(ascii: "\n") {
                switch elements[index] {
                case .byte(let byte, _): line.append(byte)
                case .placeholder(let word, let offset):
                    complainOfDocument(word, offset)
                    line.append(0)
                }
                take(1)
            }
            if index < elements.count { take(1) }
            let text = document.stripsTabs ? line.drop { $0 == UInt8(ascii: "\t") } : line[...]
            if text.elementsEqual(document.delimiter) { hereDocuments.removeFirst() }
        }
    }

    private mutating func complainOfDocument(_ word: String, _ offset: Int) {
        mistakes.append(
            Mistake(
                offset: offset, length: word.utf8.count + 2,
                message: "the placeholder “{\(Shown.text(word))}” stands inside a here-document",
                fix:
                    "set a variable before it and use that; write “{{\(Shown.text(word))}}” if the text itself is meant"
            ))
    }

    // MARK: Values

    private mutating func value(_ word: String, _ offset: Int) {
        openOperator = nil
        suspectWriting(word, offset)
        let inside: String? =
            switch stack[stack.count - 1].context {
            case _ where stack.contains(where: { if case .backticks = $0.context { true } else { false } }): "backticks"
            case .parameter: "“${…}”"
            case .arithmetic: "arithmetic"
            default: nil
            }
        if let inside {
            let fix =
                inside == "backticks"
                ? "write “$(…)” in the place of the backticks"
                : "set a variable before it, x={\(Shown.text(word))}, and use that"
            mistakes.append(
                Mistake(
                    offset: offset, length: word.utf8.count + 2,
                    message: "las can't quote “{\(Shown.text(word))}” inside \(inside)", fix: fix))
            take(1)
            return
        }
        let quoting: CommandTemplate.Quoting =
            switch stack[stack.count - 1].context {
            case .single: .single
            case .double: .double
            case .escaped: .escaped
            case .command, .backticks, .parameter, .arithmetic: .words
            }
        flush()
        pieces.append(.value(.init(word: word, quoting: quoting, offset: offset)))
        index += 1
        isAtWordStart = false
        self.word = nil
    }
}
