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
    /// The command line that makes the lock anew, for errors.
    package let update: String
    package let observer: DepotObserver

    package init(
        lash: LASH, sources: AptSources, architecture: Architecture, allowsUnsigned: Set<String> = [],
        update: String = "las lock --update", observer: @escaping DepotObserver = { _ in }
    ) {
        (self.lash, self.sources, self.architecture) = (lash, sources, architecture)
        (self.allowsUnsigned, self.update, self.observer) = (allowsUnsigned, update, observer)
    }

    /// Asks the archives what they have now, and chooses the packages of each environment.
    ///
    /// - Parameter needs: by the environments' names, what the metro says; empty ones for the base alone.
    package func lock(_ needs: [String: Needs]) async throws -> Lock {
        let requests = try needs.mapValues { try $0.debian.map { text in try PackageRequest(text) } }
        return try await OwnThread.run {
            let offer = try Archives(
                lash: lash, sources: sources, architecture: architecture, allowsUnsigned: allowsUnsigned,
                observer: observer
            ).read()
            observer(.progress(DepotProgress(.solving, done: 0, total: 0, what: "packages")))
            let solver = try PackageSolver(offer, architecture: architecture)
            var environments: [String: LockedEnvironment] = [:]
            for (name, asked) in requests.sorted(by: { $0.key < $1.key }) {
                let packages = try solver.solve(asked)
                environments[name] = LockedEnvironment(
                    needs: needs[name] ?? Needs(), archives: solver.archives(of: packages), packages: packages)
            }
            return Lock(architecture: architecture.name, environments: environments)
        }
    }
}
