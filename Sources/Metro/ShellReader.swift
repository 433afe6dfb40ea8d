internal import Failures

/// Reads a command as bash does, as far as quoting goes, and finds for each placeholder how its value must be quoted.
///
/// Where a value could not be quoted safely, or where it is not certain how bash reads on, it is a mistake rather than a guess.
struct ShellReader {
    typealias Mistake = CommandTemplate.Mistake

    enum Context {
        /// The command itself, `$(…)`, `(…)`; what opened it, and the `case` that are open in it.
        case command(opening: String, cases: [Case])
        case backticks
        case single
        case double
        case escaped
        /// `${…}`; whether quotes in it are taken away, as anywhere, or stay in the text.
        case parameter(quotes: Bool)
        /// `((…))` and `$((…))`, with the parentheses open in it.
        case arithmetic(opening: String, depth: Int)
    }

    /// Where one `case` is.
    enum Case: Hashable {
        /// `case` has been read; whether its subject has.
        case begun(hasSubject: Bool)
        /// At the beginning of a pattern, or in one.
        case atPattern, inPattern
        case body
    }

    let elements: [Braces.Element]
    private(set) var index = 0
    private(set) var stack: [(context: Context, offset: Int)] = [(.command(opening: "", cases: []), 0)]
    var hereDocuments: [HereDocument] = []
    /// The unquoted word that is being read, nil where a quote or a value makes it no keyword.
    var word: [UInt8]? = []
    var isAtWordStart = true
    /// Whether the next word is a command or one of the shell's own words.
    var isAtCommandStart = true
    /// `for` and `function` are followed by a name, which is no command.
    var name = Name.none
    private(set) var literal: [UInt8] = []
    /// `|`, `&&` and their like, when nothing has followed yet.
    var openOperator: (text: String, offset: Int)?
    /// The `)` that has just been read did not end a `$(…)`: whether a `#` after it begins a comment depends on more than is
    /// known here.
    var isAfterParenthesis = false

    enum Name { case none, ofLoop, ofFunction, afterLoop }

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
                return giveUp(
                    "quotes and brackets stand too deep in each other here", at: stack[stack.count - 1].offset,
                    fix: "put the command into a script of its own, in the folder “files/bin” beside the metro")
            }
        }
        endWord()
        flush()
        if stack.count > 1 { complainOfOpen() } else { complainOfOperator() }
        complainOfDocuments()
    }

    mutating func complain(_ message: String, at offset: Int, length: Int = 1, fix: String, isOfTheEnd: Bool = false) {
        mistakes.append(
            Mistake(offset: offset, length: length, message: message, fix: fix, isOfTheEnd: isOfTheEnd))
    }

    /// Where it is not certain how bash reads on, what follows is not looked at.
    mutating func giveUp(_ message: String, at offset: Int, length: Int = 1, fix: String) {
        complain(message, at: offset, length: length, fix: fix)
        take(elements.count - index)
        stack.removeSubrange(1...)
        hereDocuments = []
        openOperator = nil
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
            case (.arithmetic(let opening, _), let offset): (opening, offset)
            }
        complain(
            "the “\(opening)” that opens here is never closed", at: offset, length: opening.utf8.count, fix: "close it",
            isOfTheEnd: true)
    }

    private mutating func complainOfOperator() {
        guard let (text, offset) = openOperator, text.hasPrefix("|") || text == "&&" else { return }
        complain(
            "the command ends with “\(text)”, and nothing follows it", at: offset, length: text.utf8.count,
            fix: "write what comes after it, or take it out", isOfTheEnd: true)
    }

    // MARK: Elements

    func byte(_ ahead: Int = 0) -> UInt8? {
        guard index + ahead < elements.count, index + ahead >= 0, case .byte(let byte, _) = elements[index + ahead]
        else {
            return nil
        }
        return byte
    }

    var isAtPlaceholder: Bool {
        guard index < elements.count, case .placeholder = elements[index] else { return false }
        return true
    }

    var offset: Int { index < elements.count ? elements[index].offset : 0 }

    func sees(_ text: StaticString, ahead: Int = 0) -> Bool {
        for position in 0..<text.utf8CodeUnitCount where byte(ahead + position) != text.utf8Start[position] {
            return false
        }
        return true
    }

    /// Takes so many elements literally; a placeholder among them can't be one.
    mutating func take(_ count: Int) {
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

    mutating func put(_ value: CommandTemplate.Placeholder) {
        flush()
        pieces.append(.value(value))
        index += 1
    }

    mutating func push(_ context: Context, taking count: Int) {
        stack.append((context, offset))
        take(count)
        isAtWordStart = true
        isAtCommandStart = true
        word = []
        name = .none
    }

    mutating func pop(taking count: Int) {
        take(count)
        stack.removeLast()
        isAtWordStart = false
        isAtCommandStart = false
        word = nil
    }

    var context: Context {
        get { stack[stack.count - 1].context }
        set { stack[stack.count - 1].context = newValue }
    }

    /// Outside of all quotes.
    var isUnquoted: Bool {
        switch context {
        case .command, .backticks: true
        default: false
        }
    }

    var isInBackticks: Bool { stack.contains { if case .backticks = $0.context { true } else { false } } }

    // MARK: Contexts

    private mutating func step() {
        if case .placeholder(let word, let offset) = elements[index] { return value(word, offset) }
        suspectBrace()
        switch context {
        case .single, .escaped:
            if byte() == UInt8(ascii: "`"), isInBackticks {
                return giveUp(
                    "a backtick in quotes ends the backticks around it", at: offset,
                    fix: "write “$(…)” in the place of the outer backticks")
            }
            if case .escaped = context, byte() == UInt8(ascii: "\\") { return take(2) }
            if byte() == UInt8(ascii: "'") { pop(taking: 1) } else { take(1) }
        case .double:
            if byte() == UInt8(ascii: "\"") { pop(taking: 1) } else if !expansion() { take(1) }
        case .parameter:
            if byte() == UInt8(ascii: "}") { return pop(taking: 1) }
            if !quote(), !expansion() { take(1) }
        case .arithmetic(let opening, let depth):
            if depth == 0, sees("))") {
                pop(taking: 2)
                isAfterParenthesis = opening == "(("
                return
            }
            if byte() == UInt8(ascii: "(") { context = .arithmetic(opening: opening, depth: depth + 1) }
            if byte() == UInt8(ascii: ")") { context = .arithmetic(opening: opening, depth: max(0, depth - 1)) }
            if byte() == UInt8(ascii: "(") || byte() == UInt8(ascii: ")") { return take(1) }
            if !quote(), !expansion() { take(1) }
        case .command, .backticks:
            command()
        }
    }

    /// What opens quotes, outside of `"…"`.
    mutating func quote() -> Bool {
        switch byte() {
        case UInt8(ascii: "'"): push(.single, taking: 1)
        case UInt8(ascii: "\""): push(.double, taking: 1)
        case UInt8(ascii: "$") where sees("$'"): push(.escaped, taking: 2)
        case UInt8(ascii: "$") where sees("$\""): push(.double, taking: 2)
        default: return false
        }
        return true
    }

    /// `\`, `$…` and backticks, which mean the same outside quotes and inside `"…"`.
    mutating func expansion() -> Bool {
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
                push(.arithmetic(opening: "$((", depth: 0), taking: 3)
            } else if sees("$(") {
                push(.command(opening: "$(", cases: []), taking: 2)
            } else if sees("${") {
                push(.parameter(quotes: parameterQuotes()), taking: 2)
            } else if sees("$[") {
                giveUp("“$[…]” is an old way to write arithmetic", at: offset, length: 2, fix: "write “$((…))”")
            } else {
                return false
            }
        default: return false
        }
        return true
    }

    private mutating func escape() {
        if byte(1) == UInt8(ascii: "\n") { return continueLine() }
        take(1)
        isAtWordStart = false
        word = nil
        guard index < elements.count else {
            return complain(
                "the command ends with a backslash, and nothing follows it", at: elements[index - 1].offset,
                fix: "write the next line, or take it out", isOfTheEnd: true)
        }
        guard case .placeholder(let name, let offset) = elements[index] else { return take(1) }
        complain(
            "a backslash does not keep “{\(Shown.text(name))}” from being a placeholder", at: offset,
            length: name.utf8.count + 2,
            fix: "write “{{\(Shown.text(name))}}” for the text, or take the backslash out for the value")
    }

    /// `\` and the end of the line, which bash takes out before anything else: what stands before and after it is one.
    private mutating func continueLine() {
        let offset = offset
        let before = literal.last
        take(2)
        let after = byte()
        let isValue = isAtPlaceholder
        func isBlank(_ byte: UInt8?, atEnd: Bool) -> Bool { byte.map { " \t\n".utf8.contains($0) } ?? atEnd }
        func joins(_ byte: UInt8?) -> Bool { byte.map { "$<>(){}&|;'\"`~#\\[=".utf8.contains($0) } ?? false }
        let isOne = isUnquoted && !isBlank(before, atEnd: true) && !isBlank(after, atEnd: !isValue)
        if before == UInt8(ascii: "$") || isOne && (joins(before) || joins(after) || isValue) {
            complain(
                "bash joins this line and the next one, without a space", at: offset,
                fix: "put a space before the backslash, or write both in one line")
        }
    }

    /// Inside `"…"` bash looks for the end of quotes in `${…}` as anywhere, but leaves them in the text; only in the patterns of
    /// `${x%…}` and its like they quote.
    private func parameterQuotes() -> Bool {
        loop: for (context, _) in stack.reversed() {
            switch context {
            case .double: break loop
            case .parameter(let quotes): if !quotes { break loop }
            default: return true
            }
        }
        var ahead = 2
        while let next = byte(ahead), Braces.isWordPart(next) && next != UInt8(ascii: "-") { ahead += 1 }
        return byte(ahead).map { "%#/^,".utf8.contains($0) } ?? false
    }
}
