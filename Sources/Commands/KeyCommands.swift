internal import Failures
internal import Files
internal import JSON
internal import Signatures
internal import Terminal

/// The keys that this LASH signs with: `keys/NAME.key`, readable by the user alone, and `keys/NAME.pub`.
struct OwnKeys {
    let context: Context

    private var folder: String { context.lash.root + "/keys" }
    func secretPath(_ name: String) -> String { "\(folder)/\(name).key" }
    func publicPath(_ name: String) -> String { "\(folder)/\(name).pub" }

    /// A name becomes a file's, so it is a plain word.
    static func check(_ name: String) throws -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "._-@".utf8.contains(byte)
            }
        }
        guard isPlain, !name.isEmpty, name.utf8.count <= 100, name.utf8.first != UInt8(ascii: "."),
            name.utf8.first != UInt8(ascii: "-")
        else {
            throw UsageFailure(
                "“\(Shown.text(name))” can't be the name of a key", fix: "use letters, digits and . _ - @ only")
        }
        return name
    }

    func names() throws -> [String] {
        guard File.exists(folder) else { return [] }
        return try Folder.names(in: folder).filter { $0.ends(with: ".key") }
            .map { String(decoding: $0.utf8.dropLast(".key".utf8.count), as: UTF8.self) }
    }

    func make(_ name: String) throws -> PublicKey {
        if File.exists(secretPath(name)) {
            throw UsageFailure(
                "there is a key “\(name)” already: \(secretPath(name))", fix: "give the new one another name")
        }
        let key = try SigningKey.make()
        try Folder.make(folder, mode: 0o700)
        try File.write(key.text, to: secretPath(name), mode: 0o600)
        try File.write("\(key.publicKey.text) \(name)\n", to: publicPath(name))
        return key.publicKey
    }

    /// - Parameter name: nil for the only one.
    func key(_ name: String?) throws -> SigningKey {
        let known = try names()
        guard let chosen = name ?? (known.count == 1 ? known[0] : nil) else {
            throw known.isEmpty
                ? UsageFailure("there is no key to sign with", fix: "make one: las key new")
                : UsageFailure("there are \(known.count) keys", fix: "name one: --key \(known[0])")
        }
        let path = secretPath(try Self.check(chosen))
        guard let status = File.status(path), status.kind == .file else {
            throw UsageFailure(
                "there is no key “\(chosen)”", fix: "make it (las key new \(chosen)), or see las key list")
        }
        guard status.mode & 0o077 == 0 else {
            throw UsageFailure("others can read the secret key \(path)", fix: "chmod 600 \(Shown.word(path))")
        }
        guard let key = SigningKey(text: String(decoding: try File.read(path, atMost: 4096), as: UTF8.self)) else {
            throw SignatureFailure("this is no secret key of las", place: path, fix: "make another one: las key new")
        }
        return key
    }
}

let keyNewCommand = CommandSpec(
    name: "key new", about: "make a key to sign bundles with",
    arguments: [.init(name: "NAME", about: "what to call it (mine)", isOptional: true, completes: .nothing)],
    examples: [
        ("las key new", "a pair: the secret half stays in LASH, the public half goes to who runs your bundles"),
        ("las key new paper-2027", "a second one"),
    ],
    details: """
        The secret half is LASH/keys/NAME.key, which only you can read; keep a copy in a safe place. The public half is
        LASH/keys/NAME.pub: others trust it with las key trust. On this machine it is trusted at once.
        """
) { invocation, context in
    let name = try OwnKeys.check(invocation.arguments.first ?? "mine")
    let keys = OwnKeys(context: context)
    let key = try keys.make(name)
    try Trust(context.lash).add(key, as: name)
    context.terminal.say("the key \(name) (\(key)); its public half, for others: \(Shown.whole(keys.publicPath(name)))")
    context.terminal.print(key.text)
    return .done
}

let keyListCommand = CommandSpec(
    name: "key list", about: "show your keys, and those that are trusted here",
    options: [.init(name: "--json", about: "the same as JSON, for scripts", completes: .nothing)],
    examples: [("las key list", "each with the digits that las inspect and las verify show")]
) { invocation, context in
    let own = try OwnKeys(context: context).names()
    let trust = Trust(context.lash)
    let trusted = try trust.keys()
    let demands = try trust.demandsSignature()
    if invocation.has("--json") {
        let told: JSONValue = [
            "own": .array(own.map(JSONValue.string)), "signature": demands ? "required" : "any",
            "trusted": .array(trusted.map { ["name": .string($0.name), "key": .string($0.key.text)] }),
        ]
        context.terminal.print(bytes: JSONText.bytes(of: told, indented: true))
        return .done
    }
    let rows = trusted.map { ["  " + Shown.whole($0.name), "\($0.key)", own.contains($0.name) ? "yours" : "trusted"] }
    for line in Table.lines(rows) { context.terminal.print(line) }
    if rows.isEmpty { context.terminal.say("no keys yet: las key new makes one") }
    if demands { context.terminal.print("only bundles that one of them has signed run here") }
    return .done
}

let keyTrustCommand = CommandSpec(
    name: "key trust", about: "believe the signatures of a key",
    arguments: [.init(name: "FILE", about: "the public half of somebody's key")],
    options: [.init(name: "--as", value: "NAME", about: "what to call it (the file's name)", completes: .nothing)],
    examples: [("las key trust anna.pub", "from now on bundles that Anna signed are known as hers")],
    details:
        "Ask the owner for the key on another way than the bundle came, or compare the digits that las key list shows."
) { invocation, context in
    let file = invocation.arguments[0]
    guard let key = PublicKey(text: String(decoding: try File.read(file, atMost: 4096), as: UTF8.self)) else {
        throw SignatureFailure(
            "this is no public key of las", place: file, fix: "take the file NAME.pub that las key new made")
    }
    var name = File.name(of: file)
    if name.ends(with: ".pub") { name = String(decoding: name.utf8.dropLast(4), as: UTF8.self) }
    name = try OwnKeys.check(invocation.value("--as") ?? name)
    try Trust(context.lash).add(key, as: name)
    context.terminal.say("the key \(key) is trusted here as \(name)")
    return .done
}

let keyForgetCommand = CommandSpec(
    name: "key forget", about: "believe a key no longer",
    arguments: [.init(name: "NAME", about: "as las key list shows it", completes: .nothing)],
    examples: [("las key forget anna", "her bundles count as signed by a stranger then")]
) { invocation, context in
    let name = try OwnKeys.check(invocation.arguments[0])
    guard Trust(context.lash).remove(name) else {
        throw UsageFailure("no key is trusted here as \(name)", fix: "see them: las key list")
    }
    context.terminal.say("the key \(name) is no longer trusted here")
    return .done
}

let keyRequireCommand = CommandSpec(
    name: "key require", about: "run only signed bundles here, or any",
    arguments: [
        .init(name: "on|off", about: "whether a trusted signature is demanded", completes: .oneOf(["on", "off"]))
    ],
    examples: [
        ("las key require on", "bundles run here only if a key that is trusted here has signed them"),
        ("las key require off", "any bundle runs again"),
    ],
    details:
        "The policy is of this LASH (policy.json in it) and holds for las and for bundles that are started by themselves."
) { invocation, context in
    let word = invocation.arguments[0]
    guard ["on", "off"].contains(word) else {
        throw UsageFailure("“\(Shown.text(word))” is neither on nor off", fix: "las key require on")
    }
    try Trust(context.lash).setDemandsSignature(word == "on")
    context.terminal.say(word == "on" ? "only signed bundles run here now" : "any bundle runs here now")
    return .done
}
