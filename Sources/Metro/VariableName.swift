/// What a variable of a command may be called.
package enum VariableName {
    package static func isOne(_ name: String) -> Bool {
        name.utf8.first.map { Braces.isWordStart($0) } ?? false
            && name.utf8.allSatisfy { $0 < 0x80 && Braces.isWordPart($0) && $0 != UInt8(ascii: "-") }
    }
}
