internal import Execution
internal import Failures
internal import Files
internal import JSON
internal import Terminal
internal import Workspaces

private let runOption = CommandSpec.Option(
    name: "--run", value: "RUN", about: "a run of this machine (the newest that has workspaces)", completes: .runs)
private let json = CommandSpec.Option(name: "--json", about: "as JSON, for scripts", completes: .nothing)
private let workspace = CommandSpec.Argument(
    name: "NAME", about: "the workspace, as the metro calls it", completes: .nothing)
private let file = CommandSpec.Argument(name: "FILE", about: "a file in it", completes: .nothing)
private let anyWorkspace = CommandSpec.Argument(
    name: "NAME", about: "the workspace; all of the run when left out", isOptional: true, completes: .nothing)

let workspaceListCommand = CommandSpec(
    name: "workspace ls", about: "list the files that stations of a run share, and where each lies",
    arguments: [anyWorkspace], options: [runOption, json],
    examples: [
        (
            "las workspace ls",
            "all workspaces of the newest run, a line for each file: its name, and the machines that have it"
        ),
        ("las workspace ls panel --run variants-7f3a2 --json", "one of another run, with sizes, times and digests"),
    ],
    details: """
        “head” is this machine. It works while the run goes on, and afterwards as long as the run lies here; of one that ended well the files
        are gone, unless the metro says “keep: yes”, and what is known of them stays.
        """
) { invocation, context in
    let chosen = try ChosenWorkspaces(invocation, context, name: invocation.arguments.first)
    try WorkspaceText(context).list(chosen, asJSON: invocation.has("--json"))
    return .done
}

let workspaceStatCommand = CommandSpec(
    name: "workspace stat", about: "tell all that is known of a file in a workspace",
    arguments: [workspace, file], options: [runOption, json],
    examples: [("las workspace stat panel ref.txt", "its size, rights, time, digest and version, and where it lies")]
) { invocation, context in
    let chosen = try ChosenWorkspaces(invocation, context, name: invocation.arguments[0])
    let record = try chosen.record()
    let item = try chosen.item(invocation.arguments[1], in: record)
    WorkspaceText(context).tell(item, of: chosen.first, asJSON: invocation.has("--json"))
    return .done
}

let workspaceWhereCommand = CommandSpec(
    name: "workspace where", about: "say which machines have a file of a workspace",
    arguments: [workspace, file], options: [runOption, json],
    examples: [("las workspace where panel ref.txt", "a line for each machine; “head” is this one")]
) { invocation, context in
    let chosen = try ChosenWorkspaces(invocation, context, name: invocation.arguments[0])
    let item = try chosen.item(invocation.arguments[1], in: try chosen.record())
    if invocation.has("--json") {
        context.terminal.print(bytes: JSONText.bytes(of: .array(item.places.map { .string($0) }), indented: true))
    } else {
        for place in item.places { context.terminal.print(Shown.whole(place)) }
        let count = chosen.machines(of: item)
        if item.content.kind == .file, count < chosen.first.copies {
            context.terminal.say("\(chosen.first.copies) machines are to have it (“copies”), and \(count) by now")
        }
    }
    return .done
}

let workspaceHistoryCommand = CommandSpec(
    name: "workspace history", about: "tell which machine wrote a file of a workspace, and when",
    arguments: [workspace, file], options: [runOption, json],
    examples: [("las workspace history panel found/one", "a line for each version, the oldest first")],
    details: """
        There is one where a run is over several hosts. Versions that were replaced are told of, and not kept.
        """
) { invocation, context in
    let chosen = try ChosenWorkspaces(invocation, context, name: invocation.arguments[0])
    guard File.exists(chosen.first.folder + "/map") else {
        throw UsageFailure(
            "nothing is written down of what became of the files of “\(chosen.first.name)”",
            fix: "a run over several hosts does that")
    }
    let name = try ChosenWorkspaces.path(invocation.arguments[1])
    let past = try WorkspaceRecord.history(of: name, in: chosen.first.folder)
    if past.isEmpty { throw chosen.missing(name) }
    WorkspaceText(context).tell(past, asJSON: invocation.has("--json"))
    return .done
}

let workspaceCollisionsCommand = CommandSpec(
    name: "workspace collisions", about: "list the files that two machines wrote at once",
    arguments: [anyWorkspace], options: [runOption, json],
    examples: [("las workspace collisions", "each with the versions that there are of it, and who wrote them")]
) { invocation, context in
    let chosen = try ChosenWorkspaces(invocation, context, name: invocation.arguments.first)
    try WorkspaceText(context).collisions(chosen, asJSON: invocation.has("--json"))
    return .done
}

let workspaceResolveCommand = CommandSpec(
    name: "workspace resolve", about: "decide which version of a file stays that two machines wrote at once",
    arguments: [workspace, file],
    options: [
        .init(
            name: "--keep", value: "VERSION", about: "HOST-N, as las workspace collisions lists them",
            completes: .nothing),
        runOption,
    ],
    examples: [
        (
            "las workspace resolve panel a.txt --keep lab-7",
            "the version of the machine “lab” is a.txt, and the others go"
        )
    ],
    details: """
        To keep both, give one a name of its own first: las workspace get, then las workspace put.
        """
) { invocation, context in
    guard let version = invocation.value("--keep") else {
        throw UsageFailure("which version stays?", fix: "add --keep HOST-N; las workspace collisions lists them")
    }
    let chosen = try ChosenWorkspaces(invocation, context, name: invocation.arguments[0])
    let name = try ChosenWorkspaces.path(invocation.arguments[1])
    try chosen.change { change, record in
        let versions = record.items.filter { $0.name == name && $0.content.kind != .folder }
        guard versions.contains(where: \.isCollision) else {
            throw UsageFailure(
                "no two versions of \(Shown.text(name.string)) are there",
                fix: "“las workspace collisions” lists what is")
        }
        guard let kept = versions.first(where: { $0.version?.description == version }) else {
            throw UsageFailure(
                "\(Shown.text(name.string)) has no version “\(Shown.text(version))”",
                fix: "there are: \(versions.compactMap(\.version?.description).joined(separator: ", "))")
        }
        if record[name]?.content.kind == .folder, kept.path != name {
            throw UsageFailure(
                "\(Shown.text(name.string)) is a folder now, and a file can't take its place",
                fix: "las workspace put \(chosen.first.name) FILE OTHER-NAME puts it under another name")
        }
        try change.keep(kept.path, as: name, insteadOf: versions.filter { $0.path != kept.path }.map(\.path))
    }
    context.terminal.say("\(Shown.text(name.string)) is the version \(version) now")
    return .done
}

let workspaceGetCommand = CommandSpec(
    name: "workspace get", about: "copy a file or folder out of a workspace",
    arguments: [
        workspace, .init(name: "FILE", about: "a file or folder in it; “.” is all of it", completes: .nothing),
        .init(name: "TO", about: "where it goes (its name, in the folder you are in)", isOptional: true),
    ],
    options: [runOption],
    examples: [
        ("las workspace get panel found/one", "it lies beside you, as “one”"),
        ("las workspace get panel . all-of-it", "everything"),
    ],
    details: """
        What is there already under that name is not replaced.
        """
) { invocation, context in
    let chosen = try ChosenWorkspaces(invocation, context, name: invocation.arguments[0])
    let (count, target) = try chosen.get(
        invocation.arguments[1], to: invocation.arguments.dropFirst(2).first.map(Context.absolute))
    context.terminal.say("\(Amounts.count(count, "file")) in \(Shown.whole(target))")
    return .done
}

let workspacePutCommand = CommandSpec(
    name: "workspace put", about: "copy a file or folder into a workspace, for all its stations",
    arguments: [
        workspace, .init(name: "FROM", about: "a file or folder of this machine"),
        .init(name: "FILE", about: "what it is called there (its own name)", isOptional: true, completes: .nothing),
    ],
    options: [runOption],
    examples: [("las workspace put panel ref-2.txt ref.txt", "stations that run see the new ref.txt at once, whole")]
) { invocation, context in
    let source = Context.absolute(invocation.arguments[1])
    let path = try ChosenWorkspaces.path(
        invocation.arguments.dropFirst(2).first ?? File.name(of: File.real(source) ?? source))
    let chosen = try ChosenWorkspaces(invocation, context, name: invocation.arguments[0])
    var count = 0
    try chosen.change { change, _ in count = try change.put(source, as: path) }
    context.terminal.say("\(Amounts.count(count, "file")) put into “\(chosen.first.name)”")
    return .done
}

let workspaceRemoveCommand = CommandSpec(
    name: "workspace rm", about: "remove files from a workspace, on all machines",
    arguments: [
        workspace,
        .init(name: "FILE", about: "a file, or a folder with all that it holds", mayRepeat: true, completes: .nothing),
    ],
    options: [runOption],
    examples: [("las workspace rm panel found/one scratch", "they are gone, wherever they lay")]
) { invocation, context in
    let chosen = try ChosenWorkspaces(invocation, context, name: invocation.arguments[0])
    let paths = try invocation.arguments.dropFirst().map(ChosenWorkspaces.path)
    try chosen.change { change, _ in
        for path in paths where !(try change.remove(path)) { throw chosen.missing(path) }
    }
    return .done
}
