internal import Failures
internal import Files
package import Metro

/// What one set of needs became.
package struct LockedEnvironment: Hashable, Sendable {
    /// As the metro says them.
    package let needs: Needs
    /// Where the packages are from; sorted by name.
    package let archives: [LockedArchive]
    /// Sorted by name; the base's too.
    package let packages: [LockedPackage]
    /// What is there while something is built, and does not come into the environment: by the names of the packages that
    /// were asked for besides the environment's own.
    package let tools: [String: LockedPackages]
    /// Python's packages, sorted by name.
    package let wheels: [LockedWheel]
    /// What archives that something is built of were, sorted by address.
    package let files: [LockedInput]
    /// The commits that something is built of, sorted by repository.
    package let commits: [LockedCommit]
    /// Programs of the machine that made the lock.
    package let host: LockedHost?

    package init(
        needs: Needs, archives: [LockedArchive], packages: [LockedPackage], tools: [String: LockedPackages] = [:],
        wheels: [LockedWheel] = [], files: [LockedInput] = [], commits: [LockedCommit] = [],
        host: LockedHost? = nil
    ) {
        (self.needs, self.archives, self.packages) = (needs, archives, packages)
        (self.tools, self.wheels, self.files, self.commits) = (tools, wheels, files, commits)
        self.host = host
    }

    /// By the names of all that comes into it: packages, addresses, repositories, programs of the packing machine.
    package var versions: [String: String] {
        Dictionary(
            packages.map { ($0.name, $0.version) } + wheels.map { ($0.name, $0.version) }
                + files.map { ($0.address, String($0.sha256.hex.prefix(12))) }
                + commits.map { ($0.repository, String($0.commit.prefix(12))) }
                + (host?.files ?? []).map { ($0.from, String($0.sha256.hex.prefix(12))) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The Debian packages that run.
    var debian: LockedPackages { LockedPackages(archives: archives, packages: packages) }

    func with(wheels: [LockedWheel]) -> LockedEnvironment {
        LockedEnvironment(
            needs: needs, archives: archives, packages: packages, tools: tools, wheels: wheels, files: files,
            commits: commits, host: host)
    }

    func check(_ name: String) throws(DepotFailure) {
        try debian.check(name)
        for tools in tools.values { try tools.check(name) }
        for wheel in wheels { try wheel.check() }
        for file in files {
            guard file.size >= 0, (try? WebAddress(file.address)) != nil else {
                throw DepotFailure("the address “\(Shown.whole(file.address))” is none", .integrity)
            }
        }
        for commit in commits { try commit.check() }
        try host?.check()
    }
}

/// Exact Debian packages, with where they are from.
package struct LockedPackages: Hashable, Sendable, Codable {
    package let archives: [LockedArchive]
    /// Sorted by name.
    package let packages: [LockedPackage]

    fileprivate func check(_ name: String) throws(DepotFailure) {
        let names = Set(archives.map(\.name))
        for package in packages {
            guard PackageName.isValid(package.name), PackageName.isVersion(package.version),
                PackageName.isValid(package.architecture), RelativePath(package.file) != nil, package.size > 0,
                names.contains(package.archive)
            else {
                throw DepotFailure(
                    "the package “\(Shown.whole(package.name))” of \(Shown.whole(name)) is not a whole one",
                    .integrity)
            }
        }
        for archive in archives {
            guard ["http://", "https://", "file:/"].contains(where: { archive.uri.hasPrefix($0) }),
                archive.uri.hasSuffix("/")
            else { throw DepotFailure("“\(Shown.whole(archive.uri))” is no archive's address", .integrity) }
        }
    }
}

extension LockedEnvironment: Codable {
    private enum CodingKeys: String, CodingKey { case needs, archives, packages, tools, wheels, files, commits, host }

    /// Environments of Debian packages alone have nothing of the others.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            needs: try container.decode(Needs.self, forKey: .needs),
            archives: try container.decode([LockedArchive].self, forKey: .archives),
            packages: try container.decode([LockedPackage].self, forKey: .packages),
            tools: try container.decodeIfPresent([String: LockedPackages].self, forKey: .tools) ?? [:],
            wheels: try container.decodeIfPresent([LockedWheel].self, forKey: .wheels) ?? [],
            files: try container.decodeIfPresent([LockedInput].self, forKey: .files) ?? [],
            commits: try container.decodeIfPresent([LockedCommit].self, forKey: .commits) ?? [],
            host: try container.decodeIfPresent(LockedHost.self, forKey: .host))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(needs, forKey: .needs)
        try container.encode(archives, forKey: .archives)
        try container.encode(packages, forKey: .packages)
        if !tools.isEmpty { try container.encode(tools, forKey: .tools) }
        if !wheels.isEmpty { try container.encode(wheels, forKey: .wheels) }
        if !files.isEmpty { try container.encode(files, forKey: .files) }
        if !commits.isEmpty { try container.encode(commits, forKey: .commits) }
        try container.encodeIfPresent(host, forKey: .host)
    }
}
