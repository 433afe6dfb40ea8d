package import Files

/// Files of this machine in a tar, for other programs and other machines: the same files give the same bytes.
package enum FileArchive {
    /// Written beside, and there only when it is whole.
    ///
    /// - Parameters:
    ///   - files: by their names in the archive.
    ///   - progress: told how many bytes are in, of all.
    package static func write(
        _ files: [RelativePath: String], to path: String,
        progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws {
        var tree = ImageTree(groups: [[]], entries: [])
        for (name, source) in files.sorted(by: { $0.key < $1.key }) {
            guard let status = File.status(source), status.kind == .file else {
                throw FileFailure.notAFile("read", source)
            }
            tree.entries.append(
                ImageEntry(
                    path: name, kind: .file(group: 0, number: tree.groups[0].count),
                    mode: status.mode & 0o111 == 0 ? 0o644 : 0o755, modified: 0))
            tree.groups[0].append(ImageFile(content: .file(path: source), size: status.size))
        }
        try tree.addFolders()
        let total = tree.size
        try ImageWriter.whole(path) { descriptor, beside in
            var position: Int64 = 0
            let archive = try ArchiveWriter(.tar, .none) { bytes in
                try File.writeAll(bytes, at: position, to: descriptor, path: beside)
                position += Int64(bytes.count)
            }
            var done: Int64 = 0
            try archive.add(tree) { count in
                done += count
                progress(done, total)
            }
            try archive.finish()
        }
    }
}
