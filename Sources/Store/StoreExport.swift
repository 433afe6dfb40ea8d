internal import Bundle
package import Depot
internal import Digests
package import Files
internal import JSON
internal import Layers

/// What a metro's lock needs, as files that another machine takes into its LASH: a tar, or a folder of the same files.
///
/// `export.json` (version, metro), `metro.lock`, then `packages/…`, `inputs/…` as in LASH, and `layers/DIGEST/…` of programs of
/// the packing machine.
package struct StoreExport: Sendable {
    static let version: Int64 = 1
    static let head = "export.json"
    static let lockFile = "metro.lock"

    /// By their names in the export.
    package let files: [RelativePath: String]
    /// Bytes of all of them.
    package let size: Int64
    private let about: [UInt8]
    private let lock: [UInt8]

    /// - Parameter lock: all that it names lies in LASH (`Depot.fetchAll`).
    package init(_ lock: Lock, of metro: String, in lash: LASH) throws {
        let contents = try LockContents(of: lock, in: lash)
        var files: [RelativePath: String] = [:]
        func add(_ name: String) throws {
            guard let path = RelativePath(name) else { return }
            files[path] = "\(lash.root)/\(name)"
        }
        for source in contents.sources { try add(source.path) }
        for layer in contents.layers where layer.isOfMachine {
            let folder = "layers/\(layer.digest)"
            for line in try LayerStore(lash: lash).digests(of: layer.digest).lines { try add("\(folder)/\(line.path)") }
            try add("\(folder)/digests")
        }
        self.files = files
        size = files.values.reduce(0) { $0 + (File.status($1)?.size ?? 0) }
        let told: JSONValue = ["export": .integer(Self.version), "metro": .string(metro)]
        about = JSONText.bytes(of: told, indented: true)
        self.lock = lock.text
    }

    /// Writes a tar.
    package func write(
        to path: String, lash: LASH, progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws {
        try Folder.withTemporary(in: lash.temporary, named: "export") { folder in
            var files = files
            for (name, text) in [(Self.head, about), (Self.lockFile, lock)] {
                try File.create("\(folder)/\(name)", text)
                if let path = RelativePath(name) { files[path] = "\(folder)/\(name)" }
            }
            try FileArchive.write(files, to: path, progress: progress)
        }
    }

    /// Writes a folder, which is not there yet.
    package func write(
        intoFolder path: String, progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws {
        let beside = "\(path).new-\(UInt64.random(in: 0 ... .max))"
        do {
            try Folder.make(beside)
            try File.create("\(beside)/\(Self.head)", about)
            try File.create("\(beside)/\(Self.lockFile)", lock)
            var done: Int64 = 0
            for (name, source) in files.sorted(by: { $0.key < $1.key }) {
                try Folder.make(File.parent(of: "\(beside)/\(name)"))
                let status = File.status(source)
                try File.copy(
                    source, to: "\(beside)/\(name)", mode: (status?.mode ?? 0) & 0o111 == 0 ? 0o644 : 0o755)
                done += status?.size ?? 0
                progress(done, size)
            }
            try Folder.syncDisk(of: beside)
            try File.rename(beside, to: path)
        } catch {
            try? Folder.remove(beside)
            throw error
        }
    }
}
