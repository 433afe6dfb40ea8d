internal import Failures
internal import Files

/// What the files of an input must be to be taken: a closed list of conditions, all of which must hold.
package struct Validity: Hashable, Sendable, Codable {
    /// Any of these, without their dot; a compression's ending may follow.
    package var extensions: [String] = []
    /// A glob for the file's name.
    package var name: String?
    /// An extended regular expression (POSIX) for the file's name.
    package var matches: String?
    /// Bytes.
    package var largerThan: Int64?
    package var smallerThan: Int64?
    /// Text that the file must hold.
    package var contains: String?
    /// A command that is run for each file, with `{each}`, and ends with 0 for one that is valid.
    package var passes: String?
    /// `otherwise: stop`: what is not valid is a mistake, and not just left out.
    package var stops: Bool?

    package init() {}

    package var isEmpty: Bool { self == Validity() }

    /// - Parameter name: the file's name without its folder.
    /// - Returns: why a file of this name is not valid: "does not end with .fq"; nil when it is, as far as names go.
    package func objection(toName name: String) -> String? {
        if !extensions.isEmpty {
            let names = [name, Glob.withoutCompression(name)]
            if !extensions.contains(where: { ending in names.contains { $0.ends(with: "." + ending) } }) {
                return "does not end with \(extensions.map { "." + Shown.text($0) }.joined(separator: " or "))"
            }
        }
        if let pattern = self.name, !Glob(pattern).matches(name) {
            return "has a name that is not “\(Shown.text(pattern))”"
        }
        if let expression = matches, !Expression.matches(name, expression) {
            return "has a name that does not match “\(Shown.text(expression))”"
        }
        return nil
    }
}
