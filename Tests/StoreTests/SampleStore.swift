import Bundle
import Digests
import Files
import Layers
import Metro
import Parts
import TestSupport

@testable import Depot
@testable import Store

/// A small store as packing a metro leaves it: a package, its layer, the layer's blocks, an image.
struct SampleStore {
    let lash: LASH
    let lock: Lock
    let layer: Digest
    let part: Part
    let package: String
    let lockFile: String

    init(in folder: String, name: String = "metro", text: String = "the package's file") throws {
        lash = LASH(root: folder + "/lash")
        let architecture = Architecture("amd64")
        let file = Digest(of: text)
        package = "\(lash.packages)/\(file).deb"
        try Folder.make(lash.packages)
        try File.write(text, to: package)
        layer = PackageUnpacking(architecture: architecture).digest(of: file)
        let store = LayerStore(lash: lash)
        let prepared = try store.prepare(name: "tool 1") { folder in
            try File.create(folder + "/tree/tool", String(repeating: text + "\n", count: 2000))
            guard let path = RelativePath("tool") else { return [] }
            let size = try File.read(folder + "/tree/tool").count
            return [LayerEntry(path: path, kind: .file(size: Int64(size)), mode: 0o755, modified: 1)]
        }
        let made = try store.publish([(layer, prepared)])
        try store.settle([layer])
        part = try ImageWriter(lash).environment(LayeredTree(layers: made), named: "main")
        let archive = LockedArchive(
            uri: "http://example.org/debian/", suite: "stable", component: "main", date: "", keys: [])
        let locked = LockedPackage(
            name: "tool", version: "1", architecture: "amd64", archive: archive.name, file: "pool/tool.deb",
            size: Int64(text.utf8.count), sha256: file)
        lock = Lock(
            architecture: "amd64",
            environments: [
                "main": LockedEnvironment(needs: Needs(debian: ["tool"]), archives: [archive], packages: [locked])
            ])
        lockFile = "\(folder)/\(name)/metro.lock"
        try Folder.make(File.parent(of: lockFile))
        try lock.write(to: lockFile)
        KnownThings(lash).remember(metroWithLock: lockFile, lock, parts: [part.digest], unpacked: [])
    }

    func names(of kind: StoreKind) throws -> [String] { try StoreListing(lash).entries(of: kind).map(\.name) }

    func collect(olderThan days: Int, now: Int64? = nil) throws -> StoreCollection.Plan {
        let listing = try StoreListing(lash)
        let collection =
            now.map { StoreCollection(listing, olderThan: days, now: $0) }
            ?? StoreCollection(listing, olderThan: days)
        let plan = collection.plan()
        try collection.remove(plan)
        return plan
    }

    /// As when a byte of a file changes on the disk.
    static func flip(_ path: String, at place: Int? = nil) throws {
        var bytes = try File.read(path)
        bytes[place ?? bytes.count / 2] ^= 0x20
        try File.create(path, bytes)
    }
}
