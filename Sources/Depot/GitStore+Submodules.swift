internal import Failures
internal import Files
internal import Metro

/// Commits with parts that are commits of other repositories: git's submodules.
///
/// The commit's name holds those of its parts, so nothing more has to be locked.
extension GitStore {
    private static let mostParts = 200
    private static let deepest = 10

    /// Puts the files of all parts into their places.
    ///
    /// - Parameters:
    ///   - bare: a repository that has the commit; those of the parts come into it too.
    ///   - folder: for git's output.
    /// - Returns: the commit of all files: the same one where it has no parts.
    func whole(_ locked: LockedCommit, in bare: String, folder: String) throws -> String {
        let inside = ["--git-dir", bare, "--work-tree", folder]
        var count = 0
        func add(_ commit: String, of repository: String, at prefix: String, depth: Int) throws {
            let parts = try parts(of: commit, repository, inside, folder: folder)
            if !prefix.isEmpty || !parts.isEmpty {
                let place = prefix.isEmpty ? [] : ["--prefix", prefix + "/"]
                try must(inside + ["read-tree"] + place + [commit], repository, folder: folder)
            }
            for part in parts {
                count += 1
                guard count <= Self.mostParts, depth < Self.deepest else {
                    throw DepotFailure(
                        "\(Shown.whole(locked.repository)) has too many submodules, or they lie in each other too deep",
                        fix: Self.advice, .usage)
                }
                let path = prefix.isEmpty ? part.path : "\(prefix)/\(part.path)"
                try must(inside + ["update-index", "--force-remove", "--", path], repository, folder: folder)
                try obtain(part.commit, of: part.repository, in: bare, folder: folder)
                try add(part.commit, of: part.repository, at: path, depth: depth + 1)
            }
        }
        try add(locked.commit, of: locked.repository, at: "", depth: 0)
        if count == 0 { return locked.commit }
        let tree = try must(inside + ["write-tree"], locked.repository, folder: folder)
        let who = ["-c", "user.name=las", "-c", "user.email=las"]
        return try must(who + inside + ["commit-tree", "-m", "all", tree], locked.repository, folder: folder)
    }

    private struct Part {
        let path: String
        let commit: String
        let repository: String
    }

    private static let advice = "take an archive of a release that has all in it: “archive: { address: … }”"

    private func parts(
        of commit: String, _ repository: String, _ inside: [String], folder: String
    ) throws -> [Part] {
        let listed = try git(inside + ["ls-tree", "-r", "-z", commit], folder: folder)
        guard listed.status == 0 else { throw unreachable(repository, listed) }
        let links = listed.output.split(separator: 0).filter { $0.starts(with: "160000 ".utf8) }
        if links.isEmpty { return [] }
        let named = try git(
            inside + [
                "config", "--blob", "\(commit):.gitmodules", "-z", "--get-regexp", #"^submodule\..*\.(path|url)$"#,
            ], folder: folder)
        var (paths, addresses): ([String: String], [String: String]) = ([:], [:])
        for item in named.output.split(separator: 0) {
            let fields = item.split(separator: UInt8(ascii: "\n"), maxSplits: 1)
            guard fields.count == 2 else { continue }
            let (key, value) = (String(decoding: fields[0], as: UTF8.self), String(decoding: fields[1], as: UTF8.self))
            if key.ends(with: ".path") { paths[String(key.dropLast(5))] = value }
            if key.ends(with: ".url") { addresses[String(key.dropLast(4))] = value }
        }
        return try links.map { link in
            // MODE commit DIGEST, a tab, the path.
            let words = link.split(separator: UInt8(ascii: "\t"), maxSplits: 1)
            let digest = words.first?.split(separator: UInt8(ascii: " ")).last ?? []
            let path = String(decoding: words.last ?? [], as: UTF8.self)
            let name = paths.sorted { $0.key < $1.key }.first { $0.value.utf8.elementsEqual(path.utf8) }?.key
            guard let asked = name.flatMap({ addresses[$0] }) else {
                throw DepotFailure(
                    "\(Shown.whole(repository)) does not say which repository its part \(Shown.whole(path)) is",
                    fix: Self.advice, .usage)
            }
            let address = Self.address(asked, from: repository)
            do throws(WebAddress.Mistake) { _ = try GitAddress(address) } catch {
                throw DepotFailure(
                    "the part \(Shown.whole(path)) of \(Shown.whole(repository)) can't be fetched",
                    cause: Shown.whole(error.message), fix: Self.advice, .usage)
            }
            let commit = String(decoding: digest, as: UTF8.self)
            guard LockedCommit.isWhole(commit), RelativePath(path) != nil else {
                throw DepotFailure("\(Shown.whole(repository)) has a damaged part, \(Shown.whole(path))", .integrity)
            }
            return Part(path: path, commit: commit, repository: address)
        }
    }

    /// `../other.git` beside where its repository is.
    static func address(_ asked: String, from repository: String) -> String {
        guard asked.begins(with: "./") || asked.begins(with: "../") else { return asked }
        var (base, rest) = (repository, asked)
        while base.ends(with: "/") { base.removeLast() }
        while true {
            if let after = rest.after("./") {
                rest = after
            } else if let after = rest.after("../") {
                rest = after
                let end = base.utf8.lastIndex { $0 == UInt8(ascii: "/") } ?? base.utf8.lastIndex(of: UInt8(ascii: ":"))
                guard let end else { return rest }
                let isColon = base.utf8[end] == UInt8(ascii: ":")
                base = String(decoding: isColon ? base.utf8[...end] : base.utf8[..<end], as: UTF8.self)
            } else {
                return base.ends(with: ":") ? base + rest : "\(base)/\(rest)"
            }
        }
    }

    /// - Returns: what git printed, without the newline at its end.
    @discardableResult
    private func must(_ arguments: [String], _ repository: String, folder: String) throws -> String {
        let result = try git(arguments, folder: folder)
        guard result.status == 0 else { throw unreachable(repository, result) }
        return String(decoding: result.output, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
    }
}
