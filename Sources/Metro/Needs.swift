/// What a metro, or a station of its own, needs besides its files: what an environment is made of.
package struct Needs: Hashable, Sendable, Codable {
    /// Names of packages of a Debian or Ubuntu archive, sorted, each once. A name may carry `=VERSION`.
    package var debian: [String]

    package init(debian: [String] = []) { self.debian = Array(Set(debian)).sorted() }

    package var isEmpty: Bool { debian.isEmpty }
}
