internal import Glibc

/// An extended regular expression (POSIX), by the C library.
package enum Expression {
    /// - Returns: what is wrong with it; nil when nothing is.
    package static func mistake(in text: String) -> String? {
        if let reason = excess(in: Array(text.utf8)) { return reason }
        var expression = regex_t()
        let code = regcomp(&expression, text, REG_EXTENDED | REG_NOSUB)
        defer { if code == 0 { regfree(&expression) } }
        if code == 0 { return nil }
        var reason = [CChar](repeating: 0, count: 200)
        regerror(code, &expression, &reason, reason.count)
        return String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Whether the expression matches somewhere in the text.
    package static func matches(_ text: String, _ expression: String) -> Bool {
        guard mistake(in: expression) == nil else { return false }
        var compiled = regex_t()
        guard regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB) == 0 else { return false }
        defer { regfree(&compiled) }
        return regexec(&compiled, text, 0, nil, 0) == 0
    }

    /// The C library builds a repetition by copying what is repeated, so a few nested ones would take all memory, and it
    /// tries every way for a back reference.
    private static func excess(in text: [UInt8]) -> String? {
        if text.count > 500 { return "it is longer than 500 characters" }
        var (number, braces, nested) = (0, 0, 0)
        for (index, byte) in text.enumerated() {
            let before = index > 0 ? text[index - 1] : 0
            let isNext = before == UInt8(ascii: ")") || "+*?}".utf8.contains(before)
            if before == UInt8(ascii: "\\"), (49...57).contains(byte) {
                return "it refers back to a group, which las does not do"
            }
            if byte == UInt8(ascii: "+"), isNext { nested += 1 }
            if byte == UInt8(ascii: "{") { braces += 1 }
            number = (48...57).contains(byte) && braces > 0 ? number * 10 + Int(byte - 48) : 0
            if number > 100 { return "it repeats something more than 100 times" }
        }
        if braces > 2 { return "it has more than two counts in braces" }
        return nested > 4 ? "it repeats what is repeated too often" : nil
    }
}
