internal import Failures
internal import Files
internal import Registry
internal import Terminal

private let registryArgument = CommandSpec.Argument(
    name: "REGISTRY", about: "ghcr.io, docker.io, registry.example.org:5000", completes: .nothing)

let loginCommand = CommandSpec(
    name: "login", about: "keep a name and a password for a registry",
    arguments: [registryArgument],
    options: [
        .init(name: "--user", value: "NAME", about: "the account's name there", completes: .nothing),
        .init(name: "--password-stdin", about: "read the password from the standard input", completes: .nothing),
        .init(
            name: "--realm", value: "HOST",
            about: "a server on another machine that may see them, where the registry gets its tokens from it",
            completes: .nothing),
    ],
    examples: [
        ("las login ghcr.io --user alice", "asks for the password or token"),
        ("las login ghcr.io --user alice --password-stdin", "for scripts: the password comes from the standard input"),
    ],
    details: """
        They are kept in registries.json of LASH, which only you may read, and shown to that registry only. What Podman and Docker
        keep for you is used too, so often there is no need to log in.
        """
) { invocation, context in
    let registry = try ImageReference("\(invocation.arguments[0])/x").registry
    guard let user = invocation.value("--user"), !user.isEmpty,
        !user.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: ":") })
    else { throw UsageFailure("whose password is it?", fix: "las login \(registry) --user NAME") }
    var password: String
    if invocation.has("--password-stdin") {
        password = String(decoding: Question.standardInput(atMost: 1 << 16), as: UTF8.self)
        while password.last?.isNewline == true { password.removeLast() }
    } else {
        guard let typed = Question.secret("Password or token of \(user) at \(registry): ") else {
            throw UsageFailure("there is no terminal to ask for the password at", fix: "--password-stdin")
        }
        password = typed
    }
    guard !password.isEmpty else { throw UsageFailure("the password is empty") }
    try Credentials(context.lash, environment: context.environment).keep(
        user: user, password: password, realm: invocation.value("--realm"), of: registry)
    context.terminal.say("kept for \(registry)")
    return .done
}

let logoutCommand = CommandSpec(
    name: "logout", about: "forget the name and password for a registry",
    arguments: [registryArgument],
    examples: [("las logout ghcr.io", "what Podman and Docker keep stays theirs")]
) { invocation, context in
    let registry = try ImageReference("\(invocation.arguments[0])/x").registry
    guard try Credentials(context.lash, environment: context.environment).forget(registry) else {
        throw UsageFailure("las keeps nothing for \(registry)")
    }
    context.terminal.say("forgotten for \(registry)")
    return .done
}
