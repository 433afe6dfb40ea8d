internal import Digests
internal import Files
internal import Glibc
internal import Layers

/// A package file made into a layer: its files where the root file system has them, and dpkg's records of it.
///
/// Owners, setuid and setgid are dropped; the folders that are links into `usr` are followed; what would leave the layer's
/// folder is refused. `control` lies beside `tree`, and `rights` where files have lost some.
struct PackageUnpacking {
    /// Counts up whenever the same package file would become another layer.
    private static let version = 1
    /// The time of every folder: some packages' scripts write folders' times into files.
    static let folderTime: Int64 = 946_684_800

    let architecture: Architecture

    func digest(of package: Digest) -> Digest {
        Digest(of: "las: layer of a Debian package, \(Self.version)\n\(architecture)\n\(package)\n")
    }

    func prepare(_ package: LockedPackage, file: String, in store: LayerStore) throws -> PreparedLayer {
        try store.prepare(name: package.title) { folder in
            var tree = TreeWriter(root: folder + "/tree", place: file, links: architecture.linksIntoUsr)
            var control: PackageControl?
            var scripts: [(name: String, contents: [UInt8], modified: Int64)] = []
            var list = ""
            try DebFile(path: file).read { part, entry in
                switch part {
                case .control:
                    guard case .file = entry.kind else { return }
                    let name = entry.name.hasPrefix("./") ? String(entry.name.dropFirst(2)) : entry.name
                    let contents = try entry.contents(atMost: 1 << 26)
                    if name == "control" {
                        control = try PackageControl(contents, place: file)
                    } else if let path = RelativePath(name), path.components.count == 1 {
                        scripts.append((name, contents, entry.modified))
                    } else {
                        throw DebFile.hostile(file, "its control archive has \(name)")
                    }
                case .data: if let name = try tree.add(entry) { list += name + "\n" }
                }
            }
            guard let control, control.name == package.name, control.version == package.version else {
                throw DebFile.hostile(file, "it is not \(package.title), as its archive said")
            }
            try File.create(folder + "/control", control.text)
            let information = "var/lib/dpkg/info/" + control.label + "."
            try tree.add(information + "list", Array(list.utf8), mode: 0o644, modified: Self.folderTime)
            for script in scripts {
                let isProgram = ["preinst", "postinst", "prerm", "postrm", "config"].contains(script.name)
                try tree.add(
                    information + script.name, script.contents, mode: isProgram ? 0o755 : 0o644,
                    modified: script.modified)
            }
            try SpecialRights.write(tree.special, in: folder)
            return tree.finished()
        }
    }
}
