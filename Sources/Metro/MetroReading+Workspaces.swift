internal import Failures

/// The workspaces of a metro, and those that a station uses.
extension MetroReading {
    mutating func workspaces(_ node: YAMLNode) -> [Workspace] {
        switch node.content {
        case .list:
            let names = texts(node, of: "workspaces").map { Located($0.value, at: $0.position) }
            for name in names { checkName(name, of: "a workspace") }
            return names.map { Workspace(name: $0) }
        case .text where !node.isNothing:
            diagnostics.add(
                "below “workspaces” names are expected, and this is \(node.kind)", at: node.position,
                fix: "write “workspaces: { panel: { files: refs/* } }”, or a list of names, “workspaces: [panel]”")
            return []
        default:
            return named(node, of: "workspaces", "NAME: { files: PATH }").map { workspace($0, $1) }
        }
    }

    private mutating func workspace(_ name: Located<String>, _ node: YAMLNode) -> Workspace {
        checkName(name, of: "a workspace")
        if node.isNothing {
            diagnostics.add(
                "the workspace “\(Shown.text(name.value))” does not say what lies in it at first", at: node.position,
                fix: "write “{}” for one that begins empty, or “{ files: PATH }”")
            return Workspace(name: name)
        }
        guard case .map = node.content, !isBareBrace(node) else {
            return Workspace(name: name, files: paths(node, of: name.value))
        }
        guard let members = members(of: node, Keys.workspace) else { return Workspace(name: name) }
        let server = fileServer(members)
        let shared = server.isMeant ? nil : sharedFolder(members)
        var onCollision: String?
        if let node = members["on_collision"], let text = text(node, of: "on_collision") {
            if !["newest", "keep_both", "stop"].contains(text.value) {
                diagnostics.add(
                    "“on_collision” is “keep_both”, “newest” or “stop”, and not “\(Shown.text(text.value))”",
                    at: text.position,
                    fix:
                        "“keep_both” keeps each version of a file that two machines write at once, “newest” the one that was written last; “stop” keeps each and ends the run"
                )
            }
            if shared != nil {
                diagnostics.add(
                    "“on_collision” says nothing of a folder that all machines see", at: text.position,
                    fix:
                        "there each file is one, and who writes it last has the last word: take “on_collision” out, or “via” and “path”"
                )
            }
            onCollision = ["newest", "stop"].contains(text.value) ? text.value : nil
        }
        let limit = members["limit"].flatMap { bytes($0, of: "limit") }
        let copies = members["copies"].flatMap { self.copies($0) }
        let isAhead = members["ahead"].flatMap { flag($0, of: "ahead") } ?? false
        if isAhead, let node = members["copies"], shared == nil {
            diagnostics.add(
                "“copies” and “ahead” do not go together", at: node.position,
                fix: "with “ahead: yes” each host that uses the workspace holds all of it: take one of them out")
        }
        if shared != nil, let key = ["limit", "copies", "ahead"].first(where: { members[$0] != nil }),
            let node = members[key]
        {
            diagnostics.add(
                "“\(key)” says nothing of a folder that all machines see",
                at: node.position, fix: "its files lie there once, for all: take it out, or “via” and “path”")
        }
        return Workspace(
            name: name, files: members["files"].map { paths($0, of: "files") } ?? [], onCollision: onCollision,
            shared: shared, server: server.server, isKept: members["keep"].flatMap { flag($0, of: "keep") } ?? false,
            isAhead: isAhead, limit: limit, copies: copies,
            comments: members["comments"].flatMap { text($0, of: "comments")?.value })
    }

    private mutating func copies(_ node: YAMLNode) -> Int? {
        guard let count = count(node, of: "copies", in: Key.copies.lowerBound...100_000) else { return nil }
        if Key.copies.contains(count) { return count }
        diagnostics.add(
            "“copies” is at most \(Key.copies.upperBound), and not \(count)", at: node.position,
            fix:
                "write how many machines are to hold each file; “ahead: yes” has each host that uses the workspace hold all"
        )
        return nil
    }

    /// What `via: ftp`, `path` and `secret` say.
    /// - Returns: whether a server is meant, and which, where that can be read.
    private mutating func fileServer(_ members: [String: YAMLNode]) -> (isMeant: Bool, server: FileServer?) {
        let path = members["path"].flatMap { text($0, of: "path") }
        let via = members["via"].flatMap { text($0, of: "via") }
        let secret = members["secret"].flatMap { text($0, of: "secret") }
        guard via?.value == "ftp" || via == nil && path.map({ FileServer.isMeant(by: $0.value) }) ?? false else {
            if let secret {
                diagnostics.add(
                    "“secret” is the password of an FTP server, and none is named", at: secret.position,
                    fix: "add “via: ftp” and “path: ftp://NAME@ftp.example.org/folder”, or take it out")
            }
            return (false, nil)
        }
        guard let path else {
            if let via {
                diagnostics.add(
                    "“via: ftp” does not say where the folder lies", at: via.position,
                    fix: "add “path: ftp://NAME@ftp.example.org/folder”")
            }
            return (true, nil)
        }
        if let secret, !VariableName.isOne(secret.value) {
            diagnostics.add(
                "“secret” is the name under which “las secret” keeps the password, and not the password itself",
                at: secret.position,
                fix:
                    "las secret set FTP_PASSWORD, and “secret: FTP_PASSWORD”: letters, digits and “_”, and no digit first"
            )
            return (true, nil)
        }
        do throws(FileServer.Mistake) {
            let server = try FileServer(path.value, secret: secret?.value)
            if let secret, server.user == nil {
                diagnostics.add(
                    "“secret” is a password, and the address does not say whose", at: secret.position,
                    fix: "write the user's name before the server's: path: ftp://NAME@ftp.example.org/folder")
            }
            return (true, server)
        } catch {
            diagnostics.add(error.message, at: path.position, fix: error.fix)
            return (true, nil)
        }
    }

    /// What `via` and `path` say.
    /// - Returns: nil for ssh.
    private mutating func sharedFolder(_ members: [String: YAMLNode]) -> SharedFolder? {
        let via = members["via"].flatMap { text($0, of: "via") }
        let path = members["path"].flatMap { text($0, of: "path") }
        let ways = SharedFolder.Way.allCases.map { "“\($0.rawValue)”" }.joined(separator: ", ")
        if let path, !SharedFolder.isPath(path.value) {
            diagnostics.add(
                "“path” is the whole path of a folder, and not “\(Shown.text(path.value))”", at: path.position,
                fix: "write it from “/” on, without “..”, as every machine of the run sees it: path: /mnt/shared")
            return nil
        }
        guard let via else { return path.map { SharedFolder(.path, $0.value) } }
        if via.value == "ssh" {
            if let path {
                diagnostics.add(
                    "“path” says where a folder lies that all machines see, and “via: ssh” that there is none",
                    at: path.position, fix: "write “via: path”, or take one of them out")
            }
            return nil
        }
        guard let way = SharedFolder.Way(rawValue: via.value) else {
            diagnostics.add(
                "“via” is “ssh”, “ftp”, \(ways), and not “\(Shown.text(via.value))”", at: via.position,
                fix:
                    "by “ssh” files go over the connections that las has to the hosts; with “ftp” they lie on a server, too; the others, with “path”, name a folder that every machine of the run sees"
            )
            return nil
        }
        guard let path else {
            diagnostics.add(
                "“via: \(via.value)” does not say where the folder lies", at: via.position,
                fix: "add “path: /mnt/shared”, the folder's path on every machine of the run")
            return nil
        }
        return SharedFolder(way, path.value)
    }

    private mutating func paths(_ node: YAMLNode, of key: String) -> [Located<String>] {
        texts(node, of: key).map { Located($0.value, at: $0.position) }
    }

    /// A name, a list of names, or names with “read”, “write” or what is needed.
    mutating func workspaceUses(_ node: YAMLNode) -> [WorkspaceUse] {
        guard case .map = node.content, !isBareBrace(node) else {
            return texts(node, of: "workspaces").map { WorkspaceUse(name: Located($0.value, at: $0.position)) }
        }
        var uses: [WorkspaceUse] = []
        for (name, value) in named(node, of: "workspaces", "NAME: read") {
            if case .map = value.content, !isBareBrace(value) {
                guard let members = members(of: value, Keys.workspaceUse) else { continue }
                let access = members["access"].flatMap { text($0, of: "access") }
                if let access { checkAccess(access, of: "access") }
                let rest = members["rest"].flatMap { text($0, of: "rest") }
                if let rest { checkRest(rest) }
                uses.append(
                    WorkspaceUse(
                        name: name, isReadOnly: access?.value == "read",
                        files: members["files"].map { texts($0, of: "files") }, rest: rest))
                continue
            }
            guard let text = text(value, of: name.value) else { continue }
            checkAccess(text, of: name.value)
            uses.append(WorkspaceUse(name: name, isReadOnly: text.value == "read"))
        }
        return uses
    }

    private mutating func checkRest(_ text: SourceText) {
        if text.value == "when_opened" { return }
        diagnostics.add(
            "“rest” can be “when_opened”, and not “\(Shown.text(text.value))”", at: text.position,
            fix:
                "write “rest: when_opened” to have other files fetched when the command opens them, or take it out")
    }

    private mutating func checkAccess(_ text: SourceText, of key: String) {
        if ["read", "write"].contains(text.value) { return }
        diagnostics.add(
            "a station can “read” or “write” a workspace, and not “\(Shown.text(text.value))” it",
            at: text.position,
            fix:
                "write “\(Shown.text(key)): read” where the command only reads it, “\(Shown.text(key)): write” where it changes it"
        )
    }
}
