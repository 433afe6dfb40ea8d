internal import Failures
internal import Files
internal import JSON
internal import Parts
internal import Signatures
internal import Terminal

let bundleArgument = CommandSpec.Argument(name: "BUNDLE", about: "a bundle, NAME.las")

let inspectCommand = CommandSpec(
    name: "inspect", about: "show what a bundle holds",
    arguments: [bundleArgument],
    options: [
        .init(
            name: "--why", value: "FILE", about: "which need brought this file (/usr/bin/samtools)",
            completes: .nothing),
        .init(name: "--json", about: "the same as JSON, for scripts", completes: .nothing),
    ],
    examples: [
        ("las inspect my-metro.las", "its parts, and the packages of each environment with their versions"),
        ("las inspect my-metro.las --why /usr/bin/samtools", "the package that it is from, and why that is there"),
    ],
    details: "Nothing of the bundle is run, and its parts are not checked: las unpack and las run do that."
) { invocation, context in
    let contents = try BundleContents(invocation.arguments[0])
    if let file = invocation.value("--why") { return try tellWhy(file, contents, invocation, context) }
    let bundle = contents.bundle
    let verdict = try Trust(context.lash).verdict(bundle.identity, bundle.signatures, in: bundle.path)
    if invocation.has("--json") {
        var told = contents.json.object ?? [:]
        told["signed"] = .string(verdict.words)
        told["trusted"] = .bool(verdict.isTrusted)
        context.terminal.print(bytes: JSONText.bytes(of: .object(told), indented: true))
        return .done
    }
    context.terminal.print("\(Shown.whole(bundle.metro.part.name)), \(Amounts.bytes(bundle.size))")
    context.terminal.print("identity \(bundle.identity)")
    context.terminal.print(verdict.words)
    let rows = bundle.parts.map { placed in
        [
            "  " + Shown.whole(placed.part.words), Amounts.bytes(placed.part.size), "at \(placed.offset)",
            placed.part.digest.short,
        ]
    }
    for line in Table.lines(rows) { context.terminal.print(line) }
    for environment in contents.environments {
        let name = environment.part.name
        let packages = contents.packages(of: name)
        let needs = contents.needs(of: name).flatMap(\.words).map { Shown.word($0) }
        context.terminal.print("")
        context.terminal.print(
            "\(Shown.whole(environment.part.words)): \(Amounts.count(packages.count, "package"))"
                + (needs.isEmpty ? "" : ", for \(needs.joined(separator: ", "))"))
        let leftOut = contents.leftOut(of: name)
        if !leftOut.isEmpty { context.terminal.print("  left out: " + Shown.whole(Slimming.words(leftOut))) }
        for line in Table.lines(packages.map { ["  " + Shown.text($0.name), Shown.text($0.version)] }) {
            context.terminal.print(line)
        }
    }
    return .done
}

private func tellWhy(
    _ file: String, _ contents: BundleContents, _ invocation: Invocation, _ context: Context
) throws -> ExitCode {
    var told: [String] = []
    let names = file.pathNames
    if names.first == ".las" {
        let path = names.dropFirst().joined(separator: "/")
        let listing = try contents.listing(of: contents.bundle.metro)
        if listing.entries.contains(where: { $0.path.utf8.elementsEqual(path.utf8) }) {
            told.append("the metro's own image: from the metro's folder, or what las wrote of it")
        }
    }
    for environment in contents.environments {
        if let words = try FileOrigin(contents, environment).words(for: file) { told.append(words) }
    }
    guard !told.isEmpty else {
        throw UsageFailure(
            "there is no \(Shown.text(file)) in the bundle",
            fix: "name it as a station sees it: /usr/bin/samtools, /.las/files/bin/count")
    }
    if invocation.has("--json") {
        let value: JSONValue = ["file": .string(file), "why": .array(told.map(JSONValue.string))]
        context.terminal.print(bytes: JSONText.bytes(of: value, indented: true))
    } else {
        for line in told { context.terminal.print(line) }
    }
    return .done
}
