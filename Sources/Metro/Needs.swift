/// What a metro, or a station of its own, needs besides its files: what an environment is made of.
package struct Needs: Hashable, Sendable {
    /// Names of packages of a Debian or Ubuntu archive, sorted, each once. A name may carry `=VERSION`.
    package var debian: [String]
    /// Packages of Python's index.
    package var pip: PipNeeds?

    package init(debian: [String] = [], pip: PipNeeds? = nil) {
        self.debian = Array(Set(debian)).sorted()
        self.pip = pip
    }

    package var isEmpty: Bool { debian.isEmpty && pip == nil }

    /// Each need in a few words, by its kind as the metro has it; without those kinds that there is nothing of.
    package var kinds: [(name: String, words: [String])] {
        [("debian", debian), ("pip", pip?.packages ?? [])].filter { !$0.1.isEmpty }
    }

    /// Each need in a few words, Debian's packages by their names alone.
    package var words: [String] {
        kinds.flatMap { kind in kind.words.map { kind.name == "debian" ? $0 : "\($0) (\(kind.name))" } }
    }
}

/// Packages of Python's index, as pip takes them.
package struct PipNeeds: Hashable, Sendable, Codable {
    /// Sorted, each once: `pandas==2.*`, `requests[socks]>=2`.
    package let packages: [String]

    package init(packages: [String]) { self.packages = Array(Set(packages)).sorted() }
}

extension Needs: Codable {
    private enum CodingKeys: String, CodingKey { case debian, pip }

    /// Locks and plans of older versions of las have `debian` alone.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            debian: try container.decode([String].self, forKey: .debian),
            pip: try container.decodeIfPresent(PipNeeds.self, forKey: .pip))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(debian, forKey: .debian)
        try container.encodeIfPresent(pip, forKey: .pip)
    }
}
