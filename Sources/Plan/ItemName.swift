internal import Digests
internal import Files

/// The name of a `for_each` item, which becomes part of its task's name, its folder and its outputs.
enum ItemName {
    /// The name with what a folder's name can't hold, or a person could not see, written as `%XX`; a very long one is cut
    /// and told apart by its digest.
    static func safe(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator: text += percent(scalar)
            default: if scalar == "/" { text += percent(scalar) } else { text.unicodeScalars.append(scalar) }
            }
        }
        if text.isEmpty || text == "." || text == ".." { text = "%" + text.replacingDots() }
        guard text.utf8.count > 150 else { return text }
        var short = ""
        for character in text {
            if short.utf8.count + character.utf8.count > 120 { break }
            short.append(character)
        }
        return short + "~" + Digest(of: text).short
    }

    static func isSafe(_ name: String) -> Bool {
        guard name.utf8.count <= 200, let path = RelativePath(name) else { return false }
        return path.components.count == 1
    }

    private static func percent(_ scalar: Unicode.Scalar) -> String {
        String(scalar).utf8.map { byte in
            let hex = String(byte, radix: 16, uppercase: true)
            return "%" + (hex.count == 1 ? "0" : "") + hex
        }.joined()
    }
}

extension String {
    fileprivate func replacingDots() -> String { map { $0 == "." ? "2E" : String($0) }.joined(separator: "%") }
}
