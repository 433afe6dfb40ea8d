internal import Digests
internal import Files
internal import Glibc
internal import Layers

/// The lowest layer of every environment: the places where a sandbox mounts things, and the links into `usr`.
struct Skeleton {
    private static let version = 1

    let architecture: Architecture

    var digest: Digest { Digest(of: "las: skeleton of a root file system, \(Self.version)\n\(architecture)\n") }

    func prepare(in store: LayerStore) throws -> PreparedLayer {
        try store.prepare(name: "skeleton") { folder in
            let tree = folder + "/tree"
            var entries: [LayerEntry] = []
            func add(_ name: String, _ kind: LayerEntry.Kind, mode: UInt16) {
                guard let path = RelativePath(name) else { return }
                entries.append(LayerEntry(path: path, kind: kind, mode: mode, modified: PackageUnpacking.folderTime))
            }
            let folders = [".las", "dev", "etc", "proc", "run", "sys", "task", "tmp", "usr"]
            for name in folders + architecture.linksIntoUsr.map({ "usr/" + $0 }) {
                try Folder.make(tree + "/" + name)
                add(name, .folder, mode: name == "tmp" ? 0o1777 : 0o755)
            }
            for name in architecture.linksIntoUsr {
                guard symlink("usr/" + name, tree + "/" + name) == 0 else {
                    throw FileFailure("write the link", tree + "/" + name)
                }
                add(name, .link(target: "usr/" + name), mode: 0o777)
            }
            // Places for what a sandbox with a network takes from its host; programs look up their own machine without one.
            let files = ["etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost\n", "etc/resolv.conf": ""]
            for (name, text) in files {
                try File.create(tree + "/" + name, text)
                add(name, .file(size: Int64(text.utf8.count)), mode: 0o644)
            }
            return entries
        }
    }
}
