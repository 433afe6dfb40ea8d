package import Digests
internal import Failures
internal import Files
internal import JSON
package import Metro

/// A suite's component as it was when it was read.
package struct LockedArchive: Hashable, Sendable, Codable {
    package let uri: String
    package let suite: String
    /// "" where the archive has none.
    package let component: String
    /// Of its release file, `2026-07-11 10:16:37 UTC`.
    package let date: String
    /// Fingerprints of the keys that signed its release file; none where no signature was asked for.
    package let keys: [String]

    /// How a package names the archive that it is from.
    package var name: String { "\(uri) \(suite)" + (component.isEmpty ? "" : " \(component)") }
}

/// One version of one package, by the digest of its file.
package struct LockedPackage: Hashable, Sendable, Codable {
    package let name: String
    package let version: String
    package let architecture: String
    /// The `name` of one of the environment's archives.
    package let archive: String
    /// The file below the archive's address.
    package let file: String
    package let size: Int64
    package let sha256: Digest

    /// `samtools 1.16.1-1`.
    package var title: String { "\(name) \(version)" }
}

/// What the file at an address was when it was fetched.
package struct LockedInput: Hashable, Sendable, Codable {
    /// As the metro says it.
    package let address: String
    package let sha256: Digest
    package let size: Int64

    package init(address: String, sha256: Digest, size: Int64) {
        (self.address, self.sha256, self.size) = (address, sha256, size)
    }
}

/// `metro.lock`: the exact packages of each environment and the exact files of each address, written by `las lock` and kept
/// beside the metro.
package struct Lock: Hashable, Sendable {
    package static let version = 1

    /// The format's version.
    package let lock: Int
    package let architecture: String
    /// By the environments' names.
    package let environments: [String: LockedEnvironment]
    /// Sorted by address.
    package let inputs: [LockedInput]

    package init(architecture: String, environments: [String: LockedEnvironment], inputs: [LockedInput] = []) {
        (lock, self.architecture, self.environments) = (Self.version, architecture, environments)
        self.inputs = inputs.sorted { $0.address.utf8.lexicographicallyPrecedes($1.address.utf8) }
    }

    /// The same packages, and other files.
    package func with(_ inputs: [LockedInput]) -> Lock {
        Lock(architecture: architecture, environments: environments, inputs: inputs)
    }

    /// Sorted keys, the same bytes for the same lock.
    package var text: [UInt8] { JSONText.encode(self, indented: true) }

    package func write(to path: String) throws { try File.write(text, to: path) }

    /// - Throws: exit code 5 when it is no lock, or one of a newer las.
    ///
    /// - Parameter update: the command line that makes it anew, for the error.
    package static func read(_ path: String, update: String) throws -> Lock {
        let text = try File.read(path, atMost: 1 << 28)
        do {
            let value = try JSONText.parse(text)
            guard let version = value["lock"]?.integer else {
                throw DepotFailure("it has no “lock” version", .integrity)
            }
            guard version == Int64(Self.version) else {
                throw DepotFailure("it has the format \(version), and this las knows \(Self.version)", .integrity)
            }
            let lock = try JSONText.decode(Lock.self, from: text)
            try lock.check()
            return lock
        } catch let failure as any Failure {
            throw DepotFailure(
                "can't use the lock", place: path, cause: failure.description, fix: "make it again: \(update)",
                .integrity)
        }
    }

    /// A lock may come with a metro that someone downloaded: only names and files that can be harmless are taken.
    private func check() throws(DepotFailure) {
        for (name, environment) in environments { try environment.check(name) }
        var last: LockedInput?
        for input in inputs {
            guard input.size >= 0, (try? WebAddress(input.address)) != nil, last?.address != input.address else {
                throw DepotFailure(
                    "the address “\(Shown.whole(input.address))” is none, or stands in it twice", .integrity)
            }
            last = input
        }
    }

    /// What changed since the lock was made, as sentences; nothing when it fits.
    ///
    /// - Parameter needs: of each environment, by its name, as the metro says them.
    package func misfits(_ needs: [String: Needs], architecture: Architecture) -> [String] {
        var misfits: [String] = []
        if self.architecture != architecture.name {
            misfits.append("the lock is for \(Shown.whole(self.architecture)), this machine is \(architecture)")
        }
        for name in Set(needs.keys).union(environments.keys).sorted() {
            let of = name == "main" ? "" : " of \(Shown.whole(name))"
            switch (needs[name], environments[name]?.needs) {
            case (let wanted?, let locked?):
                let (now, before) = (Set(wanted.words), Set(locked.words))
                for added in now.subtracting(before).sorted() {
                    misfits.append("the needs\(of) now have \(Shown.whole(added))")
                }
                for gone in before.subtracting(now).sorted() {
                    misfits.append("the needs\(of) no longer have \(Shown.whole(gone))")
                }
                if now == before, wanted != locked { misfits.append("the needs\(of) are built otherwise now") }
            case (.some, nil): misfits.append("the needs\(of) are not in the lock")
            case (nil, .some): misfits.append("the lock has needs\(of), and the metro has none")
            case (nil, nil): break
            }
        }
        return misfits
    }

    /// - Parameter update: the command line that brings it up to date.
    /// - Throws: exit code 5 naming what changed, unless the lock is one of these needs.
    package func fits(
        _ needs: [String: Needs], architecture: Architecture, place: String, update: String
    ) throws(DepotFailure) {
        let misfits = misfits(needs, architecture: architecture)
        if misfits.isEmpty { return }
        throw DepotFailure(
            "the lock does not fit the metro", place: place, cause: misfits.joined(separator: "; "),
            fix: "bring it up to date: \(update)", .integrity)
    }
}

extension Lock: Codable {
    private enum CodingKeys: String, CodingKey { case lock, architecture, environments, inputs }

    /// Locks of metros without addresses, and those of before there were any, have no “inputs”.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            architecture: try container.decode(String.self, forKey: .architecture),
            environments: try container.decode([String: LockedEnvironment].self, forKey: .environments),
            inputs: try container.decodeIfPresent([LockedInput].self, forKey: .inputs) ?? [])
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(lock, forKey: .lock)
        try container.encode(architecture, forKey: .architecture)
        try container.encode(environments, forKey: .environments)
        if !inputs.isEmpty { try container.encode(inputs, forKey: .inputs) }
    }
}
