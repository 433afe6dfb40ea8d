/// What the files of an input must be to be taken: a closed list of conditions, all of which must hold.
package struct Validity: Hashable, Sendable {
    /// Any of these, without their dot.
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

    package init() {}

    package var isEmpty: Bool { self == Validity() }
}
