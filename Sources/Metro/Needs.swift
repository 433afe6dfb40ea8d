/// What a metro, or a station of its own, needs besides its files: what an environment is made of.
package struct Needs: Hashable, Sendable {
    /// Packages of a Debian or Ubuntu archive, sorted, each once, as `DebianRequest` has them.
    package var debian: [String]
    /// Whether what those recommend comes along.
    package var recommends = false
    /// Packages of Python's index.
    package var pip: PipNeeds?
    /// What is built from archives and commits, in the metro's order: a later one lies above.
    package var builds: [BuildNeed]
    /// Names of programs of the packing machine, sorted, each once.
    package var host: [String]
    /// Whether its image does without documentation, headers and their like.
    package var isSlim = true

    package init(debian: [String] = [], pip: PipNeeds? = nil, builds: [BuildNeed] = [], host: [String] = []) {
        self.debian = Array(Set(debian)).sorted()
        (self.pip, self.builds, self.host) = (pip, builds, Array(Set(host)).sorted())
    }

    /// What decides which packages there are: the same for all that a lock need not be made anew for.
    package var chosen: Needs {
        var needs = self
        needs.isSlim = true
        return needs
    }

    package var isEmpty: Bool { debian.isEmpty && pip == nil && builds.isEmpty && host.isEmpty }

    /// Each need in a few words, by its kind as the metro has it; without those kinds that there is nothing of.
    package var kinds: [(name: String, words: [String])] {
        func built(_ isMeant: (BuildNeed.Source) -> Bool) -> [String] {
            builds.filter { isMeant($0.source) }.map(\.words)
        }
        return [
            ("debian", debian), ("pip", pip?.packages ?? []),
            ("archive", built { if case .archive = $0 { true } else { false } }),
            ("git", built { if case .git = $0 { true } else { false } }), ("host", host),
        ].filter { !$0.1.isEmpty }
    }

    /// Each need in a few words, Debian's packages by their names alone.
    package var words: [String] {
        kinds.flatMap { kind in kind.words.map { kind.name == "debian" ? $0 : "\($0) (\(kind.name))" } }
    }
}

/// Packages of Python's index, as pip takes them.
package struct PipNeeds: Hashable, Sendable {
    /// Sorted, each once: `pandas==2.*`, `requests[socks]>=2`.
    package let packages: [String]
    /// Packages of Debian that are there only while those that have no wheel are built; sorted, each once.
    package let tools: [String]

    package init(packages: [String], tools: [String] = []) {
        self.packages = Array(Set(packages)).sorted()
        self.tools = Array(Set(tools)).sorted()
    }
}

extension PipNeeds: Codable {
    private enum CodingKeys: String, CodingKey { case packages, needs }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            packages: try container.decode([String].self, forKey: .packages),
            tools: try container.decodeIfPresent([String].self, forKey: .needs) ?? [])
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(packages, forKey: .packages)
        if !tools.isEmpty { try container.encode(tools, forKey: .needs) }
    }
}

extension Needs: Codable {
    private enum CodingKeys: String, CodingKey {
        case debian, recommends, pip, builds, host
        case isSlim = "slim"
    }

    /// Locks and plans of older versions of las have `debian` alone.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            debian: try container.decode([String].self, forKey: .debian),
            pip: try container.decodeIfPresent(PipNeeds.self, forKey: .pip),
            builds: try container.decodeIfPresent([BuildNeed].self, forKey: .builds) ?? [],
            host: try container.decodeIfPresent([String].self, forKey: .host) ?? [])
        recommends = try container.decodeIfPresent(Bool.self, forKey: .recommends) ?? false
        isSlim = try container.decodeIfPresent(Bool.self, forKey: .isSlim) ?? true
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(debian, forKey: .debian)
        if recommends { try container.encode(true, forKey: .recommends) }
        try container.encodeIfPresent(pip, forKey: .pip)
        if !builds.isEmpty { try container.encode(builds, forKey: .builds) }
        if !host.isEmpty { try container.encode(host, forKey: .host) }
        if !isSlim { try container.encode(false, forKey: .isSlim) }
    }
}
