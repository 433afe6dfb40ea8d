package import Depot
package import Digests
package import Files
internal import Glibc
internal import JSON

/// The metros and bundles that las has worked with in this LASH, in `known`: what they need is not cleared away.
///
/// `known/KEY.json` says where, and what was made; `known/KEY.lock` is a copy of a metro's lock, for when the metro is on a
/// disk that is not there at the moment.
package struct KnownThings: Sendable {
    package let lash: LASH

    package init(_ lash: LASH) { self.lash = lash }

    package enum Kind: String, Hashable, Sendable, Codable { case metro, bundle }

    package struct Thing: Hashable, Sendable {
        package let kind: Kind
        /// Of the metro's lock, or of the bundle.
        package let path: String
        /// Whether it is there now.
        package let isThere: Bool
        /// When las has worked with it for the last time; seconds since 1970.
        package let seen: Int64
        /// What it became.
        package let parts: [Digest]
        /// Names of archives that were unpacked for it.
        package let unpacked: [String]
        /// Of a metro: as it is, else as it was.
        package let lock: Lock?
        /// What its files in `known` are called.
        let key: String
    }

    private struct Record: Hashable, Codable {
        let kind: Kind
        let path: String
        let parts: [Digest]
        let unpacked: [String]
    }

    /// Remembers a metro by the path of its lock, which is there. That it can't be written down is no reason not to go on.
    ///
    /// - Parameter unpacked: folders of archives that were unpacked for it.
    package func remember(metroWithLock path: String, _ lock: Lock, parts: [Digest], unpacked: [String]) {
        let names = unpacked.compactMap { folder in
            folder.after(lash.unpacked + "/").map { String($0.prefix { $0 != "/" }) }
        }
        let record = Record(kind: .metro, path: path, parts: parts.sorted(), unpacked: Set(names).sorted())
        write(record, lock: lock.text)
    }

    package func remember(bundle path: String, parts: [Digest]) {
        write(Record(kind: .bundle, path: path, parts: parts.sorted(), unpacked: []), lock: nil)
    }

    private static func key(_ kind: Kind, _ path: String) -> String {
        Digest(of: "las known \(kind.rawValue)\0\(path)").hex
    }

    private func write(_ record: Record, lock: [UInt8]?) {
        let place = "\(lash.known)/\(Self.key(record.kind, record.path))"
        let text = JSONText.encode(record, indented: true)
        if let lock, (try? File.read(place + ".lock")) != lock { write(lock, to: place + ".lock") }
        if (try? File.read(place + ".json")) == text {
            utimensat(AT_FDCWD, place + ".json", nil, 0)
        } else {
            write(text, to: place + ".json")
        }
    }

    /// Whole for who reads it, and not synced: nobody should wait for that.
    private func write(_ bytes: [UInt8], to path: String) {
        let beside = "\(path).new-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        guard (try? Folder.make(lash.known)) != nil, (try? File.create(beside, bytes)) != nil else { return }
        if (try? File.move(beside, to: path)) == nil { File.remove(beside) }
    }

    /// Sorted by path.
    package func all() -> [Thing] {
        let names = (try? Folder.names(in: lash.known)) ?? []
        return names.filter { $0.hasSuffix(".json") }.compactMap { name in
            let place = "\(lash.known)/\(name.dropLast(5))"
            guard let text = try? File.read(place + ".json", atMost: 1 << 24),
                let status = File.status(place + ".json"),
                let record = try? JSONText.decode(Record.self, from: text)
            else { return nil }
            let isThere = File.status(record.path, follow: true)?.kind == .file
            func lock(_ path: String) -> Lock? { try? Lock.read(path, update: "") }
            return Thing(
                kind: record.kind, path: record.path, isThere: isThere, seen: status.modified, parts: record.parts,
                unpacked: record.unpacked,
                lock: record.kind == .metro ? (isThere ? lock(record.path) : nil) ?? lock(place + ".lock") : nil,
                key: String(name.dropLast(5)))
        }.sorted { $0.path < $1.path }
    }
}
