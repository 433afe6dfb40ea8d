internal import Failures
internal import Files

/// What is built for an environment from an archive or a git repository.
extension MetroReading {
    /// One of them, or a list.
    mutating func builds(_ node: YAMLNode, _ keys: Keys) -> [BuildNeed] {
        guard case .list(let items) = node.content else { return build(node, keys).map { [$0] } ?? [] }
        if items.isEmpty {
            diagnostics.add(
                "the list “\(keys.name)” is empty", at: node.position, fix: "name something, or take the key out")
        }
        return items.compactMap { build($0, keys) }
    }

    private mutating func build(_ node: YAMLNode, _ keys: Keys) -> BuildNeed? {
        guard let members = members(of: node, keys) else { return nil }
        let source = keys.name == "git" ? repository(members, node) : archive(members, node)
        let commands = members["build"].flatMap { text($0, of: "build")?.value }
        let tools = members["needs"].map { debian($0, of: "needs") } ?? []
        if let node = members["needs"], commands == nil, members["build"] == nil {
            diagnostics.add(
                "“needs” is for building, and nothing is built here", at: node.position,
                fix: "add “build: …”; what stations need when they run stands beside, below “debian”")
        }
        var into: String?
        if let node = members["into"], let text = text(node, of: "into") {
            into = text.value
            if RelativePath(text.value) == nil {
                diagnostics.add(
                    "“\(Shown.text(text.value))” is no folder below /usr/local", at: text.position,
                    fix: "write it without a “/” in front: “into: bin”")
            }
        }
        var keep: [String] = []
        for pattern in members["keep"].map({ texts($0, of: "keep") }) ?? [] {
            keep.append(pattern.value)
            if pattern.value.hasPrefix("/") || pattern.value.pathNames.contains("..") {
                diagnostics.add(
                    "“\(Shown.text(pattern.value))” is no pattern below /usr/local", at: pattern.position,
                    fix: "write it without “/usr/local/” in front: “keep: [bin/tool]”")
            }
        }
        return source.map { BuildNeed($0, tools: tools, commands: commands, into: into, keep: keep) }
    }

    private mutating func archive(_ members: [String: YAMLNode], _ node: YAMLNode) -> BuildNeed.Source? {
        guard let addressNode = members["address"] else {
            diagnostics.add(
                "this archive has no address", at: node.position, fix: "add “address: https://…/tool-1.2.tar.gz”")
            return nil
        }
        guard let address = text(addressNode, of: "address") else { return nil }
        do throws(WebAddress.Mistake) {
            _ = try WebAddress(address.value)
        } catch {
            diagnostics.add(error.message, at: address.position, fix: error.fix)
            return nil
        }
        var digest: String?
        if let text = members["sha256"].flatMap({ text($0, of: "sha256") }) {
            digest = text.value.lowercased()
            let isDigest =
                text.value.utf8.count == 64
                && (digest ?? "").utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
            if !isDigest {
                diagnostics.add(
                    "“\(Shown.text(text.value))” is no SHA-256 digest", at: text.position,
                    fix: "it has 64 digits and letters from a to f; without “sha256” the lock keeps what is there now")
            }
        }
        return .archive(address: address.value, sha256: digest)
    }

    private mutating func repository(_ members: [String: YAMLNode], _ node: YAMLNode) -> BuildNeed.Source? {
        guard let addressNode = members["repository"] else {
            diagnostics.add(
                "this names no git repository", at: node.position,
                fix: "add “repository: https://…/tool.git”, and “commit: …”")
            return nil
        }
        guard let address = text(addressNode, of: "repository") else { return nil }
        do throws(WebAddress.Mistake) {
            _ = try GitAddress(address.value)
        } catch {
            diagnostics.add(Shown.whole(error.message), at: address.position, fix: error.fix)
            return nil
        }
        let commit = members["commit"].flatMap { text($0, of: "commit") }
        if let commit, !GitAddress.isCommit(commit.value) {
            diagnostics.add(
                "“\(Shown.text(commit.value))” is no commit, tag or branch", at: commit.position,
                fix: "write a commit's 40 digits and letters, or the name of a tag: “commit: v1.2”")
        }
        return .git(repository: address.value, commit: commit?.value)
    }
}
