internal import Digests
package import Files
internal import Layers
package import Metro
internal import Threads

/// From the names of Debian packages to layers in LASH's store.
package struct Depot: Sendable {
    package let lash: LASH
    package let sources: AptSources
    package let architecture: Architecture
    /// Addresses of archives whose release files need no signature, as the person said by name.
    package let allowsUnsigned: Set<String>
    /// What this machine's pip is told.
    package let pip: PipConfiguration
    /// The command line that makes the lock anew, for errors.
    package let update: String
    package let observer: DepotObserver

    package init(
        lash: LASH, sources: AptSources, architecture: Architecture, allowsUnsigned: Set<String> = [],
        pip: PipConfiguration = .none, update: String = "las lock --update",
        observer: @escaping DepotObserver = { _ in }
    ) {
        (self.lash, self.sources, self.architecture) = (lash, sources, architecture)
        (self.allowsUnsigned, self.pip, self.update, self.observer) = (allowsUnsigned, pip, update, observer)
    }

    /// Asks the archives what they have now, and chooses the packages of each environment.
    ///
    /// - Parameters:
    ///   - needs: by the environments' names, what the metro says; empty ones for the base alone.
    ///   - old: what is to stay as it is as far as that can be; nil to choose all anew.
    ///   - free: of that, what is to be chosen anew: names of packages, addresses.
    package func lock(_ needs: [String: Needs], keeping old: Lock? = nil, besides free: Set<String> = []) async throws
        -> Lock
    {
        let wishes = try needs.mapValues { try Wishes($0) }
        return try await OwnThread.run {
            let offer = try Archives(
                lash: lash, sources: sources, architecture: architecture, allowsUnsigned: allowsUnsigned,
                observer: observer
            ).read()
            observer(.progress(DepotProgress(.solving, done: 0, total: 0, what: "packages")))
            let solver = try PackageSolver(offer, architecture: architecture)
            func solve(
                _ requests: [DebianRequest], _ recommends: Bool, keeping kept: LockedPackages?
            ) throws -> LockedPackages {
                if let kept {
                    solver.pin(kept.packages, besides: free)
                    defer { solver.unpin() }
                    if let packages = try? solver.solve(requests, recommends: recommends) {
                        return LockedPackages(archives: solver.archives(of: packages), packages: packages)
                    }
                    observer(.warning("not all packages can stay as they are, so all are chosen anew"))
                    solver.unpin()
                }
                let packages = try solver.solve(requests, recommends: recommends)
                return LockedPackages(archives: solver.archives(of: packages), packages: packages)
            }
            var environments: [String: LockedEnvironment] = [:]
            for (name, asked) in wishes.sorted(by: { $0.key < $1.key }) {
                let before = old?.environments[name]
                let debian = try solve(asked.debian, asked.needs.recommends, keeping: before?.debian)
                let sources = try sources(of: asked.needs, keeping: before, besides: free)
                var tools: [String: LockedPackages] = [:]
                for names in asked.tools {
                    let title = names.joined(separator: " ")
                    tools[title] = try solve(
                        asked.debian + names.map { name in try DebianRequest(checking: name) }, false,
                        keeping: before?.tools[title])
                }
                environments[name] = LockedEnvironment(
                    needs: asked.needs, archives: debian.archives, packages: debian.packages, tools: tools,
                    files: sources.files, commits: sources.commits, host: try host(asked.needs.host, keeping: before))
            }
            // What pip chooses is asked when all that is Debian's is known to be there.
            for (name, environment) in environments.sorted(by: { $0.key < $1.key }) {
                guard let pip = environment.needs.pip else { continue }
                environments[name] = environment.with(
                    wheels: try wheels(for: pip, in: environment, keeping: old?.environments[name], besides: free))
            }
            return Lock(architecture: architecture.name, environments: environments)
        }
    }
}
