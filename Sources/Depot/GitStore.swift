internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Metro

/// Commits of git repositories, each kept as an archive of its files in LASH: `packages/COMMIT.git.tar`.
///
/// The machine's own git fetches them, with the user's configuration and keys; a commit's name is the digest of its content,
/// which git checks.
struct GitStore {
    let lash: LASH
    /// The command line that makes the lock anew, for errors.
    let update: String

    func path(of commit: String) -> String { "\(lash.packages)/\(commit).git.tar" }
    /// The archive's digest, as `sha256sum -c` reads it: it can't be told from the commit's name.
    static func digestPath(of path: String) -> String { path + ".sha256" }

    /// Whether the commit's archive is there, as it was when it was made.
    private func isWhole(_ commit: String) throws -> Bool {
        let path = path(of: commit)
        guard File.exists(path) else { return false }
        let line = Self.digestLine(try Download.digest(of: path), path)
        guard let kept = try? File.read(Self.digestPath(of: path), atMost: 4096) else {
            // Of a las that did not write it down.
            try File.write(line, to: Self.digestPath(of: path))
            return true
        }
        return kept.elementsEqual(line.utf8)
    }

    static func digestLine(_ digest: Digest, _ path: String) -> String { "\(digest)  \(File.name(of: path))\n" }

    /// Asks the repository which commit a name stands for.
    func resolve(_ repository: String, _ asked: String?) throws -> LockedCommit {
        if let asked, LockedCommit.isWhole(asked) {
            return LockedCommit(repository: repository, asked: asked, commit: asked)
        }
        return try Folder.withTemporary(in: lash.temporary, named: "git") { folder in
            let result = try git(["ls-remote", "--", repository], folder: folder)
            guard result.status == 0 else { throw unreachable(repository, result) }
            var found: [String: String] = [:]
            for line in String(decoding: result.output, as: UTF8.self).split(separator: "\n") {
                let words = line.split(separator: "\t").map(String.init)
                if words.count == 2 { found[words[1]] = words[0] }
            }
            let names = asked.map { ["refs/tags/\($0)^{}", "refs/tags/\($0)", "refs/heads/\($0)"] } ?? ["HEAD"]
            guard let commit = names.lazy.compactMap({ found[$0] }).first, LockedCommit.isWhole(commit) else {
                let tags = found.keys.filter { $0.hasPrefix("refs/tags/") && !$0.hasSuffix("^{}") }
                    .map { String($0.dropFirst("refs/tags/".utf8.count)) }
                let near = asked.flatMap { Suggestion.nearest(to: $0, among: tags) }
                throw DepotFailure(
                    "\(Shown.whole(repository)) has no tag or branch \(Shown.whole(asked ?? "HEAD"))",
                    fix: near.map { "did you mean \(Shown.whole($0))?" }
                        ?? "write the name of a tag, or all 40 digits of a commit", .usage)
            }
            return LockedCommit(repository: repository, asked: asked, commit: commit)
        }
    }

    /// Sees to it that the commit's archive is there.
    func fetch(_ locked: LockedCommit) throws {
        if try isWhole(locked.commit) { return }
        let lock = try FileLock.take("\(lash.locks)/git-\(locked.commit)")
        defer { withExtendedLifetime(lock) {} }
        if try isWhole(locked.commit) { return }
        try Folder.make(lash.packages)
        try Folder.withTemporary(in: lash.temporary, named: "git") { folder in
            let bare = folder + "/repository"
            let begun = try git(["init", "-q", "--bare", bare], folder: folder)
            guard begun.status == 0 else { throw unreachable(locked.repository, begun) }
            try obtain(locked.commit, of: locked.repository, in: bare, folder: folder)
            let archive = folder + "/files.tar"
            let whole = try whole(locked, in: bare, folder: folder)
            let packed = try git(["-C", bare, "archive", "--format=tar", "--output", archive, whole], folder: folder)
            guard packed.status == 0 else { throw unreachable(locked.repository, packed) }
            try Folder.syncDisk(of: folder)
            let path = path(of: locked.commit)
            let line = Self.digestLine(try Download.digest(of: archive), path)
            File.remove(Self.digestPath(of: path))
            try File.rename(archive, to: path)
            try File.write(line, to: Self.digestPath(of: path))
        }
    }

    /// Fetches one commit into a repository.
    func obtain(_ commit: String, of repository: String, in bare: String, folder: String) throws {
        let inside = ["-C", bare, "-c", "fetch.fsckObjects=true"]
        let fetch = inside + ["fetch", "-q", "--no-tags", "--no-recurse-submodules"]
        // Not every server gives a single commit; then all of the repository comes.
        if try git(fetch + ["--depth", "1", "--", repository, commit], folder: folder).status != 0 {
            let whole = try git(fetch + ["--", repository, "+refs/*:refs/las/*"], folder: folder)
            guard whole.status == 0 else { throw unreachable(repository, whole) }
        }
        let found = try git(inside + ["rev-parse", "--verify", "-q", commit + "^{commit}"], folder: folder)
        guard found.status == 0, String(decoding: found.output, as: UTF8.self) == commit + "\n" else {
            throw DepotFailure(
                "\(Shown.whole(repository)) has no commit \(commit)", fix: "choose anew: \(update)", .unreachable)
        }
    }

    func git(_ arguments: [String], folder: String) throws(DepotFailure) -> Program.Result {
        // Never one that asks, nor a transport that starts programs which an address names.
        try Program.run(
            "git", ["-c", "protocol.ext.allow=never", "-c", "core.hooksPath=/dev/null"] + arguments, folder: folder,
            variables: [
                "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false", "SSH_ASKPASS": "/bin/false",
                // So that what las puts together is the same everywhere.
                "GIT_AUTHOR_DATE": "946684800 +0000", "GIT_COMMITTER_DATE": "946684800 +0000",
            ],
            handedOn: [
                "SSH_AUTH_SOCK", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTPS_PROXY", "NO_PROXY",
                "ALL_PROXY", "XDG_CONFIG_HOME", "GIT_SSL_CAINFO", "GIT_SSH_COMMAND", "SSL_CERT_FILE", "USER",
            ])
    }

    func unreachable(_ repository: String, _ result: Program.Result) -> DepotFailure {
        let lines = String(decoding: result.errors, as: UTF8.self).split(separator: "\n").suffix(4)
        return DepotFailure(
            "git can't fetch from \(Shown.whole(repository))",
            cause: Shown.whole(lines.joined(separator: "; ")),
            fix:
                "check the address and the network; a repository that asks for a password needs your git's own way to log in",
            .unreachable)
    }
}
