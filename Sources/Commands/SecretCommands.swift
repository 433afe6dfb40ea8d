internal import Failures
internal import Files
internal import JSON
internal import Metro
internal import Secrets
internal import Terminal

extension Context {
    var secrets: SecretStore { SecretStore(lash) { Question.secret($0) } }

    /// What the stations may know of what is run.
    func secrets(of material: RunMaterial) throws -> [String: String] {
        try secrets(material.readPlan(lash)?.secretNames ?? [])
    }

    func secrets(_ names: Set<String>) throws -> [String: String] {
        try secrets.values(of: names.sorted()).mapValues { String(decoding: $0, as: UTF8.self) }
    }
}

private enum SecretName {
    /// A name becomes a variable's.
    static func check(_ name: String) throws -> String {
        guard VariableName.isOne(name) else {
            throw UsageFailure(
                "“\(Shown.text(name))” can't be the name of a secret",
                fix: "letters, digits and “_”, and no digit first")
        }
        return name
    }
}

let secretSetCommand = CommandSpec(
    name: "secret set", about: "keep a password or token for the stations that name it",
    arguments: [.init(name: "NAME", about: "as a station's “secrets” names it", completes: .nothing)],
    options: [
        .init(name: "--file", value: "FILE", about: "what is in this file, as it is; - is the standard input")
    ],
    examples: [
        ("las secret set API_TOKEN", "asks for it; what is typed is not shown"),
        ("las secret set API_TOKEN --file token.txt", "takes it from a file, or with - from the standard input"),
    ],
    details: """
        It is kept in secrets.json of LASH, sealed. A station with “secrets: [API_TOKEN]” finds it in the variable API_TOKEN; no other station
        does. It is never in a bundle, in the arguments of a program, or in the record of a run; where a command prints it, *** is
        shown in its place.
        """
) { invocation, context in
    let name = try SecretName.check(invocation.arguments[0])
    var value: [UInt8]
    switch invocation.value("--file") {
    case "-": value = Question.standardInput(atMost: SecretStore.largest + 1)
    case let file?: value = try File.read(file, atMost: SecretStore.largest + 1)
    case nil:
        guard let typed = Question.secret("\(name): ") else {
            throw UsageFailure("there is no terminal to ask at", fix: "las secret set \(name) --file FILE")
        }
        value = Array(typed.utf8)
    }
    // A line's end belongs to the file and not to the password.
    if value.last == UInt8(ascii: "\n"), !value.dropLast().contains(UInt8(ascii: "\n")) { value.removeLast() }
    guard !value.isEmpty else { throw UsageFailure("the secret is empty") }
    guard value.count <= SecretStore.largest else {
        throw UsageFailure("a secret has at most \(Amounts.bytes(Int64(SecretStore.largest)))")
    }
    guard !value.contains(0), String(validating: value, as: UTF8.self) != nil else {
        throw UsageFailure("a secret is a text, and this is none", fix: "base64 -w0 FILE makes a text of any file")
    }
    try context.secrets.set(name, value)
    context.terminal.say("\(name) is kept; a station names it by “secrets: [\(name)]”")
    return .done
}

let secretListCommand = CommandSpec(
    name: "secret list", about: "show the names of the secrets that are kept",
    options: [.init(name: "--json", about: "the same as JSON, for scripts", completes: .nothing)],
    examples: [("las secret list", "their names; what they are is not shown")]
) { invocation, context in
    let store = context.secrets
    let names = try store.names()
    if invocation.has("--json") {
        let told: JSONValue = [
            "secrets": .array(names.map(JSONValue.string)),
            "opened_by": try store.hasPassphrase().map { $0 ? "passphrase" : "key_file" } ?? .null,
        ]
        context.terminal.print(bytes: JSONText.bytes(of: told, indented: true))
        return .done
    }
    for name in names { context.terminal.print(Shown.text(name)) }
    if names.isEmpty { context.terminal.say("no secrets yet: las secret set NAME keeps one") }
    return .done
}

let secretRemoveCommand = CommandSpec(
    name: "secret remove", about: "forget a secret",
    arguments: [.init(name: "NAME", about: "as las secret list shows it", completes: .nothing)],
    examples: [("las secret remove API_TOKEN", "stations that name it can't run any more")]
) { invocation, context in
    let name = invocation.arguments[0]
    guard try context.secrets.remove(name) else {
        throw UsageFailure("there is no secret “\(Shown.text(name))” here", fix: "see them: las secret list")
    }
    context.terminal.say("\(Shown.text(name)) is forgotten")
    return .done
}

let secretProtectCommand = CommandSpec(
    name: "secret protect", about: "seal the secrets by a passphrase, or by a key in a file",
    options: [
        .init(
            name: "--passphrase", about: "ask for a passphrase now, and at each run that needs a secret",
            completes: .nothing),
        .init(name: "--key-file", about: "keep the key in secrets.key of LASH, as at first", completes: .nothing),
    ],
    examples: [
        ("las secret protect --passphrase", "from now on a copy of LASH alone opens nothing"),
        ("las secret protect --key-file", "runs start without asking; who can read LASH can open them"),
    ]
) { invocation, context in
    guard invocation.has("--passphrase") != invocation.has("--key-file") else {
        throw UsageFailure("by what?", fix: "--passphrase or --key-file")
    }
    var passphrase: String?
    if invocation.has("--passphrase") {
        guard let typed = Question.secret("New passphrase of the secrets: "),
            let again = Question.secret("Once more: ")
        else { throw UsageFailure("there is no terminal to ask for the passphrase at") }
        guard typed == again else { throw UsageFailure("the two are not the same") }
        guard !typed.isEmpty else { throw UsageFailure("the passphrase is empty") }
        passphrase = typed
    }
    try context.secrets.protect(by: passphrase)
    context.terminal.say(
        passphrase == nil
            ? "the secrets are sealed by a key in a file now" : "the secrets are sealed by a passphrase now")
    return .done
}
