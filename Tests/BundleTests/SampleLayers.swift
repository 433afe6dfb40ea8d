import Digests
import Files
import Glibc
import Layers
import TestSupport
import Testing

/// Mounts an image by a loop device. Of two that ask for one at once mount lets one fail, and a sandbox of another test may still hold the
/// device of a mount that has ended here.
func mountByLoop(_ image: String, on folder: String, offset: Int64 = 0) throws -> Program.Ended {
    let begun = ContinuousClock.now
    while true {
        let ended = try Program("mount").run("-t", "squashfs", "-o", "loop,ro,offset=\(offset)", image, folder)
        if ended.status != 32 || !ended.errors.contains("loop device") { return ended }
        if ContinuousClock.now - begun > .seconds(120) { return ended }
        usleep(100_000)
    }
}

/// Layers made of folders of this machine, as the store would hold them.
enum SampleLayers {
    /// Every file, folder and link below `folder`; further names of a file are hard links.
    static func layer(of folder: String, named name: String, removing removed: [String] = []) throws -> Layer {
        var entries: [LayerEntry] = []
        var seen: [UInt64: RelativePath] = [:]
        func walk(_ below: String) throws {
            for name in try Folder.names(in: "\(folder)/\(below)") {
                let text = below.isEmpty ? name : "\(below)/\(name)"
                let path = try #require(RelativePath(text))
                let status = try #require(File.status("\(folder)/\(text)"))
                let kind: LayerEntry.Kind
                switch status.kind {
                case .folder: kind = .folder
                case .link: kind = .link(target: try target("\(folder)/\(text)"))
                case .file:
                    if let first = seen[status.inode] {
                        kind = .hardLink(to: first)
                    } else {
                        kind = .file(size: status.size)
                        if status.links > 1 { seen[status.inode] = path }
                    }
                case .other: continue
                }
                entries.append(
                    LayerEntry(
                        path: path, kind: kind, mode: UInt16(status.mode), modified: status.modified,
                        attributes: status.kind == .link ? [] : try File.attributes(of: "\(folder)/\(text)")))
                if kind == .folder { try walk(text) }
            }
        }
        try walk("")
        for path in removed {
            entries.append(
                LayerEntry(path: try #require(RelativePath(path)), kind: .removed, mode: 0, modified: 0))
        }
        entries.sort { $0.path < $1.path }
        let digest = Digest(of: entries.map { "\($0)" }.joined())
        return Layer(digest: digest, name: name, tree: folder, entries: entries)
    }

    private static func target(_ path: String) throws -> String {
        try Program("readlink").run("-n", path).output
    }
}
