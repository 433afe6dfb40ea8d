internal import Failures
internal import Files

extension MetroCheck {
    /// What lies in the workspaces at first.
    mutating func checkWorkspaces() {
        for workspace in draft.workspaces {
            for pattern in workspace.files {
                if WebAddress.isMeant(by: pattern.value) {
                    diagnostics.add(
                        "a workspace is filled from the metro's folder, and “\(Shown.text(pattern.value))” is an address",
                        at: pattern.position,
                        fix:
                            "declare an input for it, and let a station copy it: “command: cp {in} {\(Shown.text(workspace.name.value))}”"
                    )
                } else {
                    checkPath(pattern, isInput: false)
                }
            }
        }
    }

    /// The workspaces that a station uses.
    mutating func checkWorkspaces(of number: Int) {
        var first: [String: Position] = [:]
        for use in stations[number].workspaces {
            let name = use.name.value
            if let place = first[name] {
                diagnostics.add(
                    "“workspaces” names “\(Shown.text(name))” twice", at: use.name.position, fix: "name it once",
                    beside: .init("first given here", at: place))
                continue
            }
            first[name] = use.name.position
            for text in use.files ?? [] { checkNeeded(text, of: name, number) }
            if let rest = use.rest { checkRest(rest, of: name) }
            if known[name]?.isWorkspace ?? false { continue }
            diagnostics.add(
                known[name] == nil
                    ? "there is no workspace “\(Shown.text(name))”"
                    : "“\(Shown.text(name))” is no workspace", at: use.name.position, fix: fix(forWorkspace: name))
        }
    }

    /// A file of a workspace that a station says it needs.
    private mutating func checkNeeded(_ text: SourceText, of workspace: String, _ number: Int) {
        let name = OutputName(text.value, of: "files")
        for mistake in name.mistakes { diagnostics.add(mistake, in: text) }
        if !name.mistakes.isEmpty { return }
        if name.usesName, stations[number].forEach.isEmpty {
            diagnostics.add(
                "“{name}” has no meaning in a station that runs once", at: text.position,
                fix: "it is the item's name with “for_each”; write the file's name here")
        } else if RelativePath(name.path(for: "NAME")) == nil {
            diagnostics.add(
                "“\(Shown.text(text.value))” is no file of a workspace", at: text.position,
                fix:
                    "write its path in the workspace, or a pattern: “files: [index.txt, chr1/*]”; “found/” is a folder with all that it holds"
            )
        } else if let shared = draft.workspaces.first(where: { $0.name.value == workspace })?.shared {
            diagnostics.add(
                "“files” says which files a host needs, and the workspace “\(Shown.text(workspace))” is a folder that all machines see",
                at: text.position, fix: "all of \(Shown.text(shared.path)) is there in any case: take “files” out")
        }
    }

    /// A station that has files fetched when it opens them.
    private mutating func checkRest(_ text: SourceText, of name: String) {
        guard let workspace = draft.workspaces.first(where: { $0.name.value == name }) else { return }
        let shown = Shown.text(name)
        if let shared = workspace.shared {
            diagnostics.add(
                "“rest” says when files come to a host, and the workspace “\(shown)” is a folder that all machines see",
                at: text.position, fix: "all of \(Shown.text(shared.path)) is there in any case: take “rest” out")
        } else if workspace.isAhead {
            diagnostics.add(
                "“rest: when_opened” and “ahead: yes” of the workspace “\(shown)” do not go together",
                at: text.position,
                fix: "with “ahead: yes” each host that uses the workspace holds all of it: take one of them out")
        }
    }

    private mutating func fix(forWorkspace name: String) -> String {
        let shown = Shown.text(name)
        let unit = name.pathNames.first ?? name
        if known[unit]?.isNested ?? false || known[name] == nil && unit != name {
            return
                "a metro on a line keeps its workspaces for itself, and sees none of the metro around: give it files by its “in”, and take its results"
        }
        if known[name] != nil { return "a station takes it by “in: \(shown)”" }
        let names = draft.workspaces.map(\.name.value)
        if let nearest = diagnostics.nearest(to: name, among: names) { return "did you mean “\(nearest)”?" }
        if names.isEmpty {
            return
                "declare it at the left edge: “workspaces: [\(shown)]”, or with files, “workspaces: { \(shown): PATH }”"
        }
        return
            "there is \(names.prefix(8).map { Shown.text($0, atMost: 30) }.joined(separator: ", "))\(names.count > 8 ? ", …" : ""); declare it under “workspaces”"
    }

    /// A workspace where something is taken.
    mutating func complain(ofWorkspace name: String, at position: Position) {
        diagnostics.add(
            "“\(Shown.text(name))” is a workspace, and what lies in it is not taken or kept by its name", at: position,
            fix:
                "a station uses it by “workspaces: \(Shown.text(name))”, and its command finds it at {\(Shown.text(name))}; what is to be kept it copies to {out}"
        )
    }
}
