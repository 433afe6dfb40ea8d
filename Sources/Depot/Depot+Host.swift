internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Layers

extension LockedHost {
    /// What whoever packs such programs should know.
    func note(_ names: [String], of whose: String) -> String {
        "\(Shown.whole(names.joined(separator: ", "))): copied from \(whose) (\(Shown.whole(machine))); "
            + "another machine can't make the same bundle from this lock"
    }
}

extension Lock {
    /// For each environment with programs of the machine that made the lock, a sentence that says so.
    package var machineNotes: [String] {
        environments.sorted { $0.key < $1.key }.compactMap { _, environment in
            environment.host.map { $0.note(environment.needs.host, of: "the machine that made the lock") }
        }
    }
}

/// Programs of this machine in an environment.
extension Depot {
    /// Counts up whenever the same programs would become another layer.
    private static let version = 1

    /// What the programs are on this machine now.
    ///
    /// - Parameter old: what is to stay where the same programs are asked for.
    func host(_ names: [String], keeping old: LockedEnvironment? = nil) throws -> LockedHost? {
        if names.isEmpty { return nil }
        if let old, old.needs.host == names, let locked = old.host { return locked }
        let locked = try gather(names).locked
        observer(.warning(locked.note(names, of: "this machine")))
        return locked
    }

    private func gather(_ names: [String]) throws -> (locked: LockedHost, texts: [String: [UInt8]]) {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return try Folder.withTemporary(in: lash.temporary, named: "host") {
            try HostPrograms.gather(names, path: path + ":/usr/sbin:/sbin", folder: $0)
        }
    }

    func hostDigest(of locked: LockedHost, _ names: [String]) -> Digest {
        let list = (names + locked.files.map { "\($0.place) \($0.sha256)" }).joined(separator: "\n")
        return Digest(of: "las: layer of a machine's programs, \(Self.version)\n\(architecture)\n\(list)\n")
    }

    /// The layer of them; none where there are none.
    func hostLayers(of environment: LockedEnvironment) throws -> [Layer] {
        guard let locked = environment.host else { return [] }
        let digest = hostDigest(of: locked, environment.needs.host)
        let store = LayerStore(lash: lash)
        if let layer = try store.layer(digest) { return [layer] }
        let (now, texts) = try gather(environment.needs.host)
        if now.files != locked.files {
            let known = Dictionary(locked.files.map { ($0.place, $0) }, uniquingKeysWith: { first, _ in first })
            let other = now.files.first { known[$0.place]?.sha256 != $0.sha256 } ?? now.files.first
            throw DepotFailure(
                "this machine's programs are not those that were locked",
                cause:
                    "\(Shown.whole(other?.from ?? "one of them")) is another; the lock is of \(Shown.whole(locked.machine))",
                fix: "pack on the machine where the lock was made, or take this machine's: \(update)", .integrity)
        }
        let prepared = try store.prepare(name: "programs of the packing machine") { folder in
            let local = folder + "/tree/usr/local/"
            var rights = SpecialRights()
            for file in now.files {
                let from = File.real(file.from) ?? file.from
                try Folder.make(File.parent(of: local + file.place))
                try File.copy(from, to: local + file.place, mode: 0o755)
                if File.hasSpecialRights(from), let path = RelativePath("usr/local/" + file.place) {
                    rights.lost.insert(path)
                }
            }
            if let note = rights.note(givenBy: .machine) { observer(.note(note)) }
            for (place, text) in texts {
                try Folder.make(File.parent(of: local + place))
                try File.create(local + place, text, mode: 0o755)
                chmod(local + place, 0o755)
            }
            return try BuiltTree(root: folder + "/tree", place: "usr/local").contents().entries
        }
        return try store.publish([(digest, prepared)])
    }
}
