internal import Failures
internal import Files
internal import Glibc
internal import Metro
internal import Terminal

let newCommand = CommandSpec(
    name: "new", about: "begin a metro from a template",
    arguments: [
        .init(name: "TEMPLATE", about: "the template's name", isOptional: true, completes: .templates),
        .init(name: "FOLDER", about: "the folder to make", isOptional: true),
    ],
    options: [.init(name: "--list", about: "list the templates, and what each is about", completes: .nothing)],
    examples: [
        ("las new --list", "lists the templates"),
        ("las new hello my-metro", "copies the smallest metro into the folder my-metro"),
        ("las new lambda-variants variants", "a whole analysis, with tools and data from Debian packages"),
    ],
    details: "Nothing is ever overwritten: a folder that exists and holds something is refused."
) { invocation, context in
    let templates = try context.templates()
    let known = try context.templateNames()
    if invocation.has("--list") {
        let rows = known.map { name in
            [
                name,
                (try? MetroReader.read(path: "\(templates)/\(name)/metro.yml"))?.about.map {
                    Shown.text($0, atMost: 200)
                } ?? "",
            ]
        }
        for line in Table.lines(rows) { context.terminal.print(line) }
        return .done
    }
    guard invocation.arguments.count == 2 else {
        throw UsageFailure(
            "las new needs a template and the folder to make",
            fix: "las new TEMPLATE FOLDER, with one of: " + known.joined(separator: ", "))
    }
    let (name, folder) = (invocation.arguments[0], Context.absolute(invocation.arguments[1]))
    guard known.contains(name) else {
        let nearest = Suggestion.nearest(to: name, among: known).map { "did you mean \($0)? " } ?? ""
        throw UsageFailure(
            "there is no template “\(name)”", fix: nearest + "there are: " + known.joined(separator: ", "))
    }
    if File.exists(folder) {
        guard File.status(folder, follow: true)?.kind == .folder, try Folder.names(in: folder).isEmpty else {
            throw UsageFailure("\(folder) exists already", fix: "choose another name, or remove it first")
        }
        rmdir(folder)
    }
    try Folder.make(File.parent(of: folder))
    let beside = try Folder.makeTemporary(in: File.parent(of: folder), named: ".las-new")
    do {
        try copy("\(templates)/\(name)", to: beside)
        chmod(beside, 0o755)
        try File.rename(beside, to: folder)
    } catch {
        try? Folder.remove(beside)
        throw error
    }
    context.terminal.say(
        "\(folder) holds the metro \(name); its README.md tells what it does. Next: las run \(invocation.arguments[1])")
    return .done
}

/// Copies what the folder holds; templates are a few small files.
private func copy(_ folder: String, to target: String) throws(FileFailure) {
    for name in try Folder.names(in: folder) {
        let (from, to) = ("\(folder)/\(name)", "\(target)/\(name)")
        guard let status = File.status(from) else { continue }
        if status.kind == .folder {
            try Folder.make(to)
            try copy(from, to: to)
        } else if status.kind == .file {
            try File.write(try File.read(from), to: to, mode: status.mode)
        }
    }
}
