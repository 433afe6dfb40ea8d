/// What stands outside quotes: words, the shell's own words, brackets.
extension ShellReader {
    mutating func command() {
        guard let next = byte() else { return }
        if !" \t\n#|&".utf8.contains(next) { openOperator = nil }
        if next >= 0x80 { complainOfSign() }
        let isAfterParenthesis = isAfterParenthesis
        self.isAfterParenthesis = false
        switch next {
        case UInt8(ascii: "'"), UInt8(ascii: "\""): _ = quote()
        case UInt8(ascii: "$"), UInt8(ascii: "\\"), UInt8(ascii: "`"):
            if !quote(), !expansion() { plain() }
        case UInt8(ascii: "#") where isAfterParenthesis:
            complain("bash may take what follows this “#” for a comment", at: offset, fix: "put a space before it")
            while index < elements.count, byte() != UInt8(ascii: "\n") { take(1) }
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
            name = .none
        case UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"): endCommand(next)
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "<"), UInt8(ascii: ">"):
            endWord()
            take(1)
        case UInt8(ascii: "("): open()
        case UInt8(ascii: ")"): close()
        default: plain()
        }
    }

    private mutating func plain() {
        if let next = byte() { word?.append(next) }
        isAtWordStart = false
        take(1)
    }

    // MARK: The ends of commands

    private mutating func endCommand(_ sign: UInt8) {
        endWord()
        let place = offset
        if let (text, start) = openOperator, start + text.utf8.count == place {
            openOperator = (text + String(UnicodeScalar(sign)), start)
        } else {
            openOperator = (String(UnicodeScalar(sign)), place)
        }
        // `;;`, `;&` and `;;&` end what a pattern of `case` begins.
        if sign == UInt8(ascii: ";"), byte(1) == UInt8(ascii: ";") || byte(1) == UInt8(ascii: "&"), state == .body {
            state = .atPattern
            take(sees(";;&") ? 3 : 2)
            openOperator = nil
        } else {
            take(1)
        }
        isAtCommandStart = true
        name = .none
    }

    // MARK: Parentheses

    private mutating func open() {
        let startsWord = isAtWordStart
        endWord()
        // `case x in (a)`
        if state == .atPattern, startsWord {
            state = .inPattern
            return take(1)
        }
        if startsWord, sees("((") {
            push(.arithmetic(opening: "((", depth: 0), taking: 2)
        } else {
            push(.command(opening: "(", cases: []), taking: 1)
        }
    }

    private mutating func close() {
        endWord()
        guard case .command(let opening, let cases) = context, !opening.isEmpty, cases.isEmpty else {
            if state == .inPattern || state == .atPattern { state = .body }
            take(1)
            isAtCommandStart = true
            return
        }
        if hereDocuments.contains(where: { $0.depth == stack.count }) {
            return giveUp(
                "the here-document of this “\(opening)” begins after its end", at: offset,
                fix: "put the “)” into a line below the here-document's end")
        }
        pop(taking: 1)
        isAfterParenthesis = opening == "("
        // `f() {`
        if opening == "(" { isAtCommandStart = true }
    }

    // MARK: Words

    /// The shell's words after which a command follows.
    private static let leading: Set<String> = [
        "if", "then", "elif", "else", "while", "until", "do", "!", "{", "time", "coproc",
    ]

    /// Of the innermost `case` that is open here.
    var state: Case? {
        get { if case .command(_, let cases) = context { cases.last } else { nil } }
        set {
            guard case .command(let opening, var cases) = context else { return }
            if !cases.isEmpty { cases.removeLast() }
            if let newValue { cases.append(newValue) }
            context = .command(opening: opening, cases: cases)
        }
    }

    private mutating func begin(_ new: Case) {
        guard case .command(let opening, let cases) = context else { return }
        context = .command(opening: opening, cases: cases + [new])
    }

    mutating func endWord() {
        defer {
            word = []
            isAtWordStart = true
        }
        if isAtWordStart, word != nil { return }
        let text = word.map { String(decoding: $0, as: UTF8.self) } ?? ""
        switch state {
        case .begun(let hasSubject):
            state = hasSubject && text == "in" ? .atPattern : .begun(hasSubject: true)
            return
        case .atPattern:
            state = text == "esac" ? nil : .inPattern
            isAtCommandStart = false
            return
        case .inPattern: return
        case .body, nil: break
        }
        switch name {
        case .ofLoop:
            (name, isAtCommandStart) = (.afterLoop, false)
            return
        case .afterLoop:
            (name, isAtCommandStart) = (.none, text == "do")
            return
        case .ofFunction:
            (name, isAtCommandStart) = (.none, true)
            return
        case .none: break
        }
        guard isAtCommandStart else { return }
        isAtCommandStart = Self.leading.contains(text)
        switch text {
        case "case": begin(.begun(hasSubject: false))
        case "esac" where state == .body: state = nil
        case "for", "select": name = .ofLoop
        case "function": name = .ofFunction
        default: break
        }
    }
}
