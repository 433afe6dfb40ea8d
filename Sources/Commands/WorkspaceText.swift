internal import Execution
internal import Failures
internal import Files
internal import JSON
internal import Terminal
internal import Workspaces

/// Workspaces in words and as JSON.
struct WorkspaceText {
    private let terminal: Terminal

    init(_ context: Context) { terminal = context.terminal }

    /// An outline: a line for each file, `NAME: PLACE, PLACE`, below the workspace that holds it.
    func list(_ chosen: ChosenWorkspaces, asJSON: Bool) throws {
        let records = try chosen.workspaces.map { ($0, try $0.record()) }
        if asJSON {
            let all = records.map { workspace, record in
                JSONValue.object([
                    "name": .string(workspace.name), "run": .string(chosen.run.name),
                    "path": workspace.sharedPath.map { .string($0) } ?? .null,
                    "here": .bool(record.isHere),
                    "files": .array(record.items.map { json($0, of: workspace) }),
                ])
            }
            return terminal.print(bytes: JSONText.bytes(of: .array(all), indented: true))
        }
        for (workspace, record) in records {
            terminal.print(workspace.name + (workspace.sharedPath.map { " (\(Shown.whole($0)))" } ?? "") + ":")
            for item in record.items {
                if item.content.kind == .folder, record.holds(below: item.path) { continue }
                let mark = item.content.kind == .folder ? "/" : ""
                terminal.print("  \(Shown.whole(item.path.string))\(mark): \(places(item, of: workspace))")
            }
            if !record.isHere {
                terminal.say("\(chosen.run) has ended well, and the files of “\(workspace.name)” went with it")
            } else if record.items.isEmpty {
                terminal.say("nothing lies in “\(workspace.name)” now")
            }
        }
    }

    private func places(_ item: WorkspaceRecord.Item, of workspace: RunWorkspace) -> String {
        if workspace.sharedPath != nil { return "every machine" }
        return item.places.isEmpty ? "nowhere" : item.places.joined(separator: ", ")
    }

    func tell(_ item: WorkspaceRecord.Item, of workspace: RunWorkspace, asJSON: Bool) {
        if asJSON { return terminal.print(bytes: JSONText.bytes(of: json(item, of: workspace), indented: true)) }
        let content = item.content
        var rows = [["file", Shown.whole(item.path.string)]]
        switch content.kind {
        case .file:
            rows.append(["size", "\(Amounts.bytes(content.size)) (\(Amounts.count(Int(content.size), "byte")))"])
        case .link: rows.append(["link to", Shown.whole(content.target ?? "")])
        case .folder, .gone: rows.append(["kind", "a folder"])
        }
        if content.kind == .file { rows.append(["rights", octal(content.mode)]) }
        if item.modified > 0 {
            rows.append(["written", RunNames.moment(Double(item.modified) / 1e9, withSeconds: true)])
        }
        if let digest = content.digest { rows.append(["SHA-256", digest.hex]) }
        if let version = item.version { rows.append(["version", words(version)]) }
        if item.isCollision { rows.append(["kept beside", Shown.whole(item.name.string)]) }
        rows.append(["lies on", places(item, of: workspace)])
        for line in Table.lines(rows) { terminal.print(line) }
    }

    func tell(_ past: [WorkspaceRecord.Past], asJSON: Bool) {
        if asJSON {
            let all = past.map { past -> JSONValue in
                switch past {
                case .removed: ["kind": "removed"]
                case .written(let version):
                    .object([
                        "kind": .string(version.content.kind.rawValue), "version": .string(version.dot.description),
                        "host": .string(version.dot.host), "size": .integer(version.content.size),
                        "modified": .number(Double(version.modified) / 1e9),
                        "sha256": version.content.digest.map { .string($0.hex) } ?? .null,
                    ])
                }
            }
            return terminal.print(bytes: JSONText.bytes(of: .array(all), indented: true))
        }
        let rows = past.map { past -> [String] in
            switch past {
            case .removed: ["", "removed"]
            case .written(let version):
                [
                    words(version.dot),
                    version.modified > 0 ? RunNames.moment(Double(version.modified) / 1e9, withSeconds: true) : "",
                    version.content.kind == .file ? Amounts.bytes(version.content.size) : version.content.kind.rawValue,
                    version.content.digest?.short ?? "",
                ]
            }
        }
        for line in Table.lines(rows) { terminal.print(line) }
    }

    func collisions(_ chosen: ChosenWorkspaces, asJSON: Bool) throws {
        var found: [JSONValue] = []
        var count = 0
        for workspace in chosen.workspaces {
            let record = try workspace.record()
            let beside = Dictionary(grouping: record.items.filter(\.isCollision), by: \.name)
            count += beside.count
            for (name, items) in beside.sorted(by: { $0.key < $1.key }) {
                let versions = (record[name].map { [$0] } ?? []) + items
                if asJSON {
                    found.append(
                        .object([
                            "workspace": .string(workspace.name), "file": .string(name.string),
                            "versions": .array(versions.map { json($0, of: workspace) }),
                        ]))
                    continue
                }
                terminal.print("\(workspace.name): \(Shown.whole(name.string))")
                let rows = versions.map { item in
                    [
                        "  " + (item.version?.description ?? ""), Amounts.bytes(item.content.size),
                        RunNames.moment(Double(item.modified) / 1e9, withSeconds: true),
                        Shown.whole(item.path.string),
                    ]
                }
                for line in Table.lines(rows) { terminal.print(line) }
            }
        }
        if asJSON { return terminal.print(bytes: JSONText.bytes(of: .array(found), indented: true)) }
        if count == 0 { return terminal.say("no two machines wrote one file at once") }
        terminal.say("“las workspace resolve NAME FILE --keep HOST-N” decides which one stays")
    }

    /// `@first-3` is no machine's.
    private func words(_ version: Dot) -> String {
        version.host.hasPrefix("@") ? "there at first" : version.description
    }

    private func octal(_ mode: UInt32) -> String { String(mode, radix: 8) }

    private func json(_ item: WorkspaceRecord.Item, of workspace: RunWorkspace) -> JSONValue {
        .object([
            "file": .string(item.path.string), "kind": .string(item.content.kind.rawValue),
            "size": .integer(item.content.size), "mode": .string(octal(item.content.mode)),
            "modified": .number(Double(item.modified) / 1e9),
            "sha256": item.content.digest.map { .string($0.hex) } ?? .null,
            "target": item.content.target.map { .string($0) } ?? .null,
            "version": item.version.map { .string($0.description) } ?? .null,
            "keptBeside": item.isCollision ? .string(item.name.string) : .null,
            "places": .array(item.places.map { .string($0) }),
        ])
    }
}
