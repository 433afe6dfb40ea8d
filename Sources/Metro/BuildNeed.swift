/// Something that is fetched as its authors publish it, and built for the environment.
package struct BuildNeed: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        /// An archive of files, or what its digest must be too.
        case archive(address: String, sha256: String?)
        /// A commit, tag or branch; nil for what the repository shows first.
        case git(repository: String, commit: String?)
    }

    package let source: Source
    /// Debian packages that are there while it is built, sorted, each once.
    package let tools: [String]
    /// What builds it, for bash; nil where its files are taken as they are.
    package let commands: String?
    /// The folder below `/usr/local` that its files go to where nothing is built.
    package let into: String?
    /// Patterns for what stays of `/usr/local`; none for all.
    package let keep: [String]

    package init(
        _ source: Source, tools: [String] = [], commands: String? = nil, into: String? = nil, keep: [String] = []
    ) {
        (self.source, self.commands, self.into, self.keep) = (source, commands, into, keep)
        self.tools = Array(Set(tools)).sorted()
    }

    /// For people: the address, and which commit.
    package var words: String {
        switch source {
        case .archive(let address, _): address
        case .git(let repository, let commit): repository + (commit.map { " at \($0)" } ?? "")
        }
    }
}

extension BuildNeed: Codable {
    private enum CodingKeys: String, CodingKey { case address, sha256, repository, commit, needs, build, into, keep }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func text(_ key: CodingKeys) throws -> String? { try container.decodeIfPresent(String.self, forKey: key) }
        let source: Source =
            if let repository = try text(.repository) {
                .git(repository: repository, commit: try text(.commit))
            } else {
                .archive(address: try container.decode(String.self, forKey: .address), sha256: try text(.sha256))
            }
        self.init(
            source, tools: try container.decodeIfPresent([String].self, forKey: .needs) ?? [],
            commands: try text(.build), into: try text(.into),
            keep: try container.decodeIfPresent([String].self, forKey: .keep) ?? [])
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch source {
        case .archive(let address, let sha256):
            try container.encode(address, forKey: .address)
            try container.encodeIfPresent(sha256, forKey: .sha256)
        case .git(let repository, let commit):
            try container.encode(repository, forKey: .repository)
            try container.encodeIfPresent(commit, forKey: .commit)
        }
        if !tools.isEmpty { try container.encode(tools, forKey: .needs) }
        try container.encodeIfPresent(commands, forKey: .build)
        try container.encodeIfPresent(into, forKey: .into)
        if !keep.isEmpty { try container.encode(keep, forKey: .keep) }
    }
}
