internal import Files
internal import Layers
internal import Metro
internal import Threads

/// What was fetched for a lock, for who takes it elsewhere.
extension Depot {
    /// Sees to it that all that a lock names lies in LASH as it was fetched, also where nothing has to be made of it here; of
    /// the machine's own programs the layer.
    ///
    /// - Throws: as `build` does.
    package func fetchAll(of lock: Lock) async throws {
        try await OwnThread.run {
            for (_, environment) in lock.environments.sorted(by: { $0.key < $1.key }) {
                let sets = [environment.debian] + environment.tools.sorted { $0.key < $1.key }.map(\.value)
                for set in sets { try fetch(set.packages, of: set) }
                if !environment.wheels.isEmpty { try fetch(environment.wheels) }
                try fetch(environment.files)
                for commit in environment.commits { try GitStore(lash: lash, update: update).fetch(commit) }
                _ = try hostLayers(of: environment)
            }
            try fetch(lock.inputs)
        }
    }

    private func fetch(_ files: [LockedInput]) throws {
        let wanted = try files.map {
            InputStore.Wanted(try WebAddress($0.address), locked: $0, place: "metro.lock", input: nil)
        }
        if !wanted.isEmpty { _ = try InputStore(lash, observer: observer).fetchHere(wanted, update: update) }
    }
}
