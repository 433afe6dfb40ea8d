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
    /// - Parameter needs: by the environments' names, what the metro says; empty ones for the base alone.
    package func lock(_ needs: [String: Needs]) async throws -> Lock {
        let wishes = try needs.mapValues { try Wishes($0) }
        return try await OwnThread.run {
            let offer = try Archives(
                lash: lash, sources: sources, architecture: architecture, allowsUnsigned: allowsUnsigned,
                observer: observer
            ).read()
            observer(.progress(DepotProgress(.solving, done: 0, total: 0, what: "packages")))
            let solver = try PackageSolver(offer, architecture: architecture)
            func solve(_ requests: [PackageRequest]) throws -> LockedPackages {
                let packages = try solver.solve(requests)
                return LockedPackages(archives: solver.archives(of: packages), packages: packages)
            }
            var environments: [String: LockedEnvironment] = [:]
            for (name, asked) in wishes.sorted(by: { $0.key < $1.key }) {
                let debian = try solve(asked.debian)
                var tools: [String: LockedPackages] = [:]
                for names in asked.tools {
                    tools[names.joined(separator: " ")] = try solve(
                        asked.debian + names.map { name in try PackageRequest(name) })
                }
                environments[name] = LockedEnvironment(
                    needs: asked.needs, archives: debian.archives, packages: debian.packages, tools: tools)
            }
            // What pip chooses is asked when all that is Debian's is known to be there.
            for (name, environment) in environments.sorted(by: { $0.key < $1.key }) {
                guard let pip = environment.needs.pip else { continue }
                environments[name] = environment.with(wheels: try wheels(for: pip, in: environment))
            }
            return Lock(architecture: architecture.name, environments: environments)
        }
    }
}
