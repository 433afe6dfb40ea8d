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
        if let node = members["via"], let text = text(node, of: "via"), text.value != "ssh" {
            diagnostics.add(
                "“via” is “ssh”, and not “\(Shown.text(text.value))”", at: text.position,
                fix: "files go over the connections that las has to the hosts: write “via: ssh”, or take it out")
        }
        var onCollision: String?
        if let node = members["on_collision"], let text = text(node, of: "on_collision") {
            if text.value != "newest", text.value != "keep_both" {
                diagnostics.add(
                    "“on_collision” is “keep_both” or “newest”, and not “\(Shown.text(text.value))”", at: text.position,
                    fix:
                        "“keep_both” keeps each version of a file that two machines write at once, “newest” the one that was written last"
                )
            }
            onCollision = text.value == "newest" ? text.value : nil
        }
        return Workspace(
            name: name, files: members["files"].map { paths($0, of: "files") } ?? [], onCollision: onCollision,
            comments: members["comments"].flatMap { text($0, of: "comments")?.value })
    }

    private mutating func paths(_ node: YAMLNode, of key: String) -> [Located<String>] {
        texts(node, of: key).map { Located($0.value, at: $0.position) }
    }

    /// A name, a list of names, or names with “read” or “write”.
    mutating func workspaceUses(_ node: YAMLNode) -> [WorkspaceUse] {
        guard case .map = node.content, !isBareBrace(node) else {
            return texts(node, of: "workspaces").map { WorkspaceUse(name: Located($0.value, at: $0.position)) }
        }
        var uses: [WorkspaceUse] = []
        for (name, value) in named(node, of: "workspaces", "NAME: read") {
            guard let text = text(value, of: name.value) else { continue }
            if text.value != "read", text.value != "write" {
                diagnostics.add(
                    "a station can “read” or “write” a workspace, and not “\(Shown.text(text.value))” it",
                    at: text.position,
                    fix:
                        "write “\(Shown.text(name.value)): read” where the command only reads it, “\(Shown.text(name.value)): write” where it changes it"
                )
            }
            uses.append(WorkspaceUse(name: name, isReadOnly: text.value == "read"))
        }
        return uses
    }
}
