internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Plan

/// The folder `results` of a run: `STATION/FILE`, hard links to what tasks made; folders and files only.
struct RunResults {
    private let folder: RunFolder

    init(_ folder: RunFolder) { self.folder = folder }

    /// - Parameters:
    ///   - leftOut: told in a file of its own; none, no file.
    ///   - known: the digest of a file below `made`, where it is known.
    /// - Returns: the results, sorted.
    func gather(
        _ results: [TaskGraph.Result], leftOut: [TaskGraph.LeftOutFiles], known: (String) -> Digest?
    ) throws -> [RunEvent.File] {
        var files: [RunEvent.File] = []
        for result in results {
            guard let made = RelativePath(result.made), let path = RelativePath(result.path) else {
                throw ExecutionFailure("the plan has a result with an impossible name", exitCode: .integrity)
            }
            try gather(made.string, as: path.string, into: &files, known: known)
        }
        if !leftOut.isEmpty {
            let text = Array(leftOut.map(Self.text).joined(separator: "\n").utf8)
            try File.write(text, to: "\(folder.results)/\(Self.leftOut)")
            files.append(.init(path: Self.leftOut, size: Int64(text.count), digest: Digest(of: text)))
        }
        Folder.sync(folder.results)
        // A folder and what is named in it may both be results: each file once.
        files.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        var last: ExactText?
        files.removeAll { file in
            defer { last = ExactText(file.path) }
            return ExactText(file.path) == last
        }
        return files
    }

    /// No station can have this name, so that no result can be in its way.
    private static let leftOut = "left-out.txt"

    private static func text(of leftOut: TaskGraph.LeftOutFiles) -> String {
        let (count, all) = (leftOut.files.count, leftOut.files.count + leftOut.kept)
        return "\(count) of \(all) \(leftOut.input) \(count == 1 ? "was" : "were") left out:\n"
            + leftOut.files.map { "  \(Shown.whole($0.path)) \(Shown.whole($0.reason))\n" }.joined()
    }

    private func gather(
        _ made: String, as path: String, into files: inout [RunEvent.File], known: (String) -> Digest?
    ) throws {
        let source = folder.made + "/" + made
        let place = folder.results + "/" + path
        // Outputs were checked: links among them stay inside what their task made.
        guard let status = File.status(source, follow: true) else { return }
        switch status.kind {
        case .folder:
            // A link to a folder would be gone through without end where it leads upwards.
            if File.status(source)?.kind == .link { return }
            try Folder.make(place)
            files.append(.init(path: path, size: 0, digest: nil))
            for name in try Folder.names(in: source) {
                try gather(made + "/" + name, as: path + "/" + name, into: &files, known: known)
            }
        case .file:
            try Folder.make(File.parent(of: place))
            try File.link(source, to: place)
            let digest = try known(made) ?? FileDigest.digest(of: place)
            files.append(.init(path: path, size: status.size, digest: digest))
        default: return
        }
    }
}

extension File {
    /// A second name for the file, or a copy where that can't be; a link is followed.
    fileprivate static func link(_ from: String, to path: String) throws(FileFailure) {
        if linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST { return }
        guard let real = realpath(from, nil) else { throw FileFailure("read", from) }
        defer { free(real) }
        try copy(String(cString: real), to: path, mode: status(from, follow: true)?.mode ?? 0o644)
    }
}
