internal import Failures
internal import Files
internal import Metro
internal import Terminal

let formatCommand = CommandSpec(
    name: "fmt", about: "lay out a metro's file as all metros are laid out",
    arguments: [
        .init(
            name: "METRO", about: "a folder that holds metro.yml, or a file; the current folder when left out",
            isOptional: true, mayRepeat: true, completes: .metro)
    ],
    options: [.init(name: "--check", about: "say which files it would change, and change none", completes: .nothing)],
    examples: [
        ("las fmt my-metro", "the same metro with its keys in the usual order and indented by two spaces"),
        ("las fmt --check a b", "exit code 1 where one of them is laid out otherwise"),
    ],
    details: """
        What the metro says stays the same, and so do comments, the way in which texts are written, and blank lines between
        groups. A metro with mistakes is not touched; they are told. Metros on its lines are files of their own.
        """
) { invocation, context in
    let files = (invocation.arguments.isEmpty ? ["."] : invocation.arguments).map(MetroSource.file)
    // All are read before any is written.
    let layouts = try files.map { file in
        _ = try MetroReader.read(path: file)
        let text = try File.read(file)
        return (file, text, laidOut: try MetroLayout.canonical(text, file: file))
    }
    var exitCode = ExitCode.done
    for (file, text, laidOut) in layouts {
        let shown = Shown.whole(file)
        if text == laidOut {
            context.terminal.say("\(shown): laid out already")
        } else if invocation.has("--check") {
            context.terminal.print("\(shown): las fmt would lay it out otherwise")
            exitCode = .stationsFailed
        } else {
            let path = File.real(file) ?? file
            try File.write(laidOut, to: path, mode: File.status(path)?.mode ?? 0o644)
            context.terminal.say("\(shown): laid out")
        }
    }
    return exitCode
}
