internal import Failures
internal import Files
internal import Parts
internal import Terminal
internal import Unpacking

let unpackCommand = CommandSpec(
    name: "unpack", about: "take a bundle apart into ordinary files",
    arguments: [bundleArgument],
    options: [.init(name: "--to", value: "DIR", about: "a new folder, or an empty one (the metro's name)")],
    examples: [
        ("las unpack my-metro.las", "my-metro/environments/base, my-metro/metro, my-metro/las-runtime"),
        ("las unpack my-metro.las --to /tmp/look", "into another folder"),
    ],
    details: "All of the bundle is checked before anything is written."
) { invocation, context in
    let bundle = try BundleFile.open(invocation.arguments[0])
    let name = bundle.metro.part.name
    let safe = RelativePath(name).flatMap { $0.components.count == 1 ? name : nil }
    guard let target = invocation.value("--to") ?? safe else {
        throw UsageFailure("the metro has no name that a folder could have", fix: "name a folder: --to DIR")
    }
    let folder = Context.absolute(target)
    if File.exists(folder), try !Folder.names(in: folder).isEmpty {
        throw UsageFailure("the folder \(Shown.whole(folder)) is not empty", fix: "name a new one: --to DIR")
    }
    try Stage.during(context.terminal, "checking the bundle") { stage in
        _ = try bundle.verifyOnce(in: context.lash) { stage.update(done: $0, of: $1) }
    }
    try Folder.make(folder)
    for placed in bundle.parts {
        let place: String
        switch placed.part.kind {
        case .runtime:
            let runtime = try bundle.reader(of: placed).read(at: 0, count: Int(placed.part.size))
            try File.write(runtime, to: folder + "/las-runtime", mode: 0o755)
            continue
        case .metro: place = folder + "/metro"
        case .environment:
            guard let name = RelativePath(placed.part.name) else {
                throw UsageFailure("the bundle has an environment whose name is no name of a folder")
            }
            place = "\(folder)/environments/\(name)"
        }
        try Folder.make(place)
        try Stage.during(context.terminal, "unpacking \(Shown.whole(placed.part.words))") { stage in
            try ImageReader(bundle.path, offset: placed.offset).unpack(into: place) { stage.update(done: $0, of: $1) }
        }
    }
    context.terminal.say("\(Shown.whole(folder)): \(Amounts.count(bundle.parts.count, "part"))")
    return .done
}
