internal import Files
internal import Glibc
internal import Layers
internal import Threads

/// A layered tree as a folder of ordinary files. For programs that write into it: copies, which share data where the file
/// system can, and no hard links to the layers.
struct RootAssembly {
    let tree: LayeredTree
    let root: String
    /// For programs that can only read it: hard links to the layers' files, where those can be.
    var isOnlyRead = false

    /// - Parameter merged: of the tree.
    func make(_ merged: [MergedEntry]) throws {
        for found in merged where found.entry.kind == .folder {
            guard mkdir(place(found), UInt32(found.entry.mode) | 0o700) == 0 else {
                throw FileFailure("make the folder", place(found))
            }
        }
        let files = merged.filter { if case .file = $0.entry.kind { true } else { false } }
        let step = 64
        let bundles = stride(from: 0, to: files.count, by: step).map { files[$0..<min($0 + step, files.count)] }
        _ = try Workers.each(bundles, on: 2) { files in for file in files { try copy(file) } }
        for found in merged {
            switch found.entry.kind {
            case .link(let target):
                guard symlink(target, place(found)) == 0 else { throw FileFailure("write the link", place(found)) }
                try Self.setTime(place(found), found.entry.modified)
            case .hardLink(let file):
                guard link(root + "/" + file.string, place(found)) == 0 else {
                    throw FileFailure("write the hard link", place(found))
                }
            default: break
            }
        }
        for found in merged.reversed() where found.entry.kind == .folder {
            try FileAttribute.give(found.entry.attributes, to: place(found))
            guard chmod(place(found), UInt32(found.entry.mode) | 0o700) == 0 else {
                throw FileFailure("write", place(found))
            }
            try Self.setTime(place(found), found.entry.modified)
        }
    }

    private func copy(_ found: MergedEntry) throws {
        let target = place(found)
        // Who reads them in the layer's own files may find others: those may have come from another machine.
        if isOnlyRead, found.entry.attributes.isEmpty,
            link(tree.layers[found.layer].tree + "/" + found.path.string, target) == 0
        {
            return
        }
        try File.copy(tree.layers[found.layer].tree + "/" + found.path.string, to: target, mode: 0o600)
        try FileAttribute.give(found.entry.attributes, to: target)
        guard chmod(target, UInt32(found.entry.mode)) == 0 else { throw FileFailure("write", target) }
        try Self.setTime(target, found.entry.modified)
    }

    private func place(_ found: MergedEntry) -> String { root + "/" + found.path.string }

    private static func setTime(_ path: String, _ seconds: Int64) throws(FileFailure) {
        let times = [timespec(tv_sec: Int(seconds), tv_nsec: 0), timespec(tv_sec: Int(seconds), tv_nsec: 0)]
        guard utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw FileFailure("set the time of", path)
        }
    }
}
