/// A place that offers packages: one suite of one archive.
package struct AptSource: Hashable, Sendable {
    /// Who must have signed its release file.
    package enum Signer: Hashable, Sendable {
        /// A keyring file, binary or armoured.
        case file(String)
        /// A key of the machine's trusted keyrings, by its fingerprint in upper-case hexadecimal digits.
        case fingerprint(String)
        /// An armoured key that stands in the sources file itself.
        case key(String)
    }

    /// With a slash at the end.
    package let uri: String
    /// `bookworm`; ends with a slash for an archive without components, whose index lies in that folder.
    package let suite: String
    package let components: [String]
    /// nil for all that the machine has.
    package let architectures: [String]?
    /// None: any of the machine's trusted keys.
    package let signers: [Signer]
    /// The sources file says that no signature is needed.
    package let isTrusted: Bool
    package let checksValidUntil: Bool
    /// `file:line`.
    package let place: String

    package var isFlat: Bool { suite.hasSuffix("/") }

    /// The folder of the release file, with a slash at the end.
    package var releaseFolder: String {
        if !isFlat { return uri + "dists/\(suite)/" }
        return suite == "/" || suite == "./" ? uri : uri + suite
    }

    /// For people: `http://… bookworm`.
    package var name: String { "\(uri) \(suite)" }
}
