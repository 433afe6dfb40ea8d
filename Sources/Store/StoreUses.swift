internal import Bundle
internal import Depot
internal import Digests
internal import Execution
package import Files
internal import HostProtocol
internal import JSON
internal import Parts

/// What of the store is needed, and by whom.
package struct StoreUses: Sendable {
    package enum User: Hashable, Sendable {
        /// By its lock's path.
        case metro(String)
        case bundle(String)
        case run(String)
    }

    package let users: [User]
    private let needed: [StoreEntry.Key: [Int]]
    /// What entries are called by people: packages' names and versions, addresses.
    private let titles: [StoreEntry.Key: String]
    /// Names of runs that go on.
    package let running: Set<String>

    /// - Parameter things: those of `known` that count.
    package init(_ lash: LASH, things: [KnownThings.Thing]) {
        var needed: [StoreEntry.Key: [Int]] = [:]
        var titles: [StoreEntry.Key: String] = [:]
        var users: [User] = []
        var running: Set<String> = []
        var pieces: [Digest: [String]] = [:]
        let parts = PartStore(lash)
        func need(_ kind: StoreKind, _ name: String, _ user: Int) {
            let key = StoreEntry.Key(kind: kind, name: name)
            if needed[key]?.last != user { needed[key, default: []].append(user) }
        }
        func need(part digest: Digest, _ user: Int) {
            need(.parts, digest.hex, user)
            need(.images, digest.hex, user)
            need(.images, digest.hex + ".first", user)
            let files = pieces[digest] ?? parts.files(of: digest)
            pieces[digest] = files
            for file in files { if let name = file.after("blocks/") { need(.blocks, name, user) } }
        }
        for thing in things {
            let user = users.count
            users.append(thing.kind == .metro ? .metro(thing.path) : .bundle(thing.path))
            for digest in thing.parts { need(part: digest, user) }
            for name in thing.unpacked { need(.unpacked, name, user) }
            guard let lock = thing.lock, let contents = try? LockContents(of: lock, in: lash) else { continue }
            for source in contents.sources {
                for (kind, start) in [(StoreKind.packages, "packages/"), (.inputs, "inputs/")] {
                    guard let name = source.path.after(start) else { continue }
                    need(kind, name, user)
                    titles[StoreEntry.Key(kind: kind, name: name)] = source.title
                }
                let digest = source.sha256 ?? contents.digest(ofArchive: source)
                if let digest { need(.unpacked, InputStore.name(ofArchive: digest), user) }
            }
            for layer in contents.layers {
                need(.layers, layer.digest.hex, user)
                titles[StoreEntry.Key(kind: .layers, name: layer.digest.hex)] = layer.title
                for name in StoredBlocks.names(of: layer.digest) {
                    need(.blocks, name, user)
                    titles[StoreEntry.Key(kind: .blocks, name: name)] = layer.title
                }
            }
        }
        for name in (try? Folder.names(in: lash.runs)) ?? [] {
            guard let run = RunID(name) else { continue }
            let (folder, user) = (RunFolder(run, in: lash), users.count)
            users.append(.run(name))
            if Journal.isHeld(folder.journal) {
                running.insert(name)
                need(.runs, name, user)
            }
            // The record of a run that ended well needs nothing any more.
            if !File.exists(folder.results), Journal.last(folder.journal)?.succeeded == true { continue }
            guard let start = try? folder.readStart() else { continue }
            for image in [start.metro] + start.environments.values { need(part: image.digest, user) }
        }
        for name in (try? Folder.names(in: lash.made)) ?? [] {
            let note = (try? File.read("\(lash.made)/\(name)", atMost: 1 << 26)).flatMap { try? JSONText.parse($0) }
            let part = note?["digest"]?.string ?? note?["image"]?.string
            guard let part, let by = needed[StoreEntry.Key(kind: .parts, name: part)] else { continue }
            needed[StoreEntry.Key(kind: .made, name: name)] = by
        }
        for thing in things { needed[StoreEntry.Key(kind: .known, name: thing.key)] = [] }
        (self.users, self.running, self.needed, self.titles) = (users, running, needed, titles)
    }

    /// Who needs it; nil where nobody does.
    package func users(of entry: StoreEntry) -> [User]? { needed[entry.key].map { $0.map { users[$0] } } }

    package func title(of entry: StoreEntry) -> String? { titles[entry.key] }
}
