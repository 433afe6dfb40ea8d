internal import Failures
internal import JSON
internal import Parts
internal import Signatures
internal import Terminal

let signCommand = CommandSpec(
    name: "sign", about: "sign a bundle with your key",
    arguments: [bundleArgument],
    options: [
        .init(name: "--key", value: "NAME", about: "which of your keys (the only one)", completes: .nothing),
        .init(name: "--output", value: "FILE", about: "write the signed bundle there, and leave this one as it is"),
    ],
    examples: [
        ("las sign my-metro.las", "others see with las verify that it is from you and unchanged"),
        ("las sign my-metro.las --key paper-2027", "with another key; a bundle may have several signatures"),
    ],
    details: """
        All of the bundle is checked first. The signature covers the bundle's identity, and with it every byte of its parts;
        the identity stays the same. Signing again with the same key changes nothing.
        """
) { invocation, context in
    let path = invocation.arguments[0]
    let key = try OwnKeys(context: context).key(invocation.value("--key"))
    let bundle = try BundleFile.open(path)
    try Stage.during(context.terminal, "checking the bundle") { stage in
        try bundle.verify { stage.update(done: $0, of: $1) }
    }
    _ = try Trust(context.lash).verdict(bundle.identity, bundle.signatures, in: path)
    let signature = BundleSignature(
        key: key.publicKey.bytes, bytes: key.sign(BundleSignature.message(bundle.identity)))
    let others = bundle.signatures.filter { $0.key != signature.key }
    let sorted = (others + [signature]).sorted { $0.key.lexicographicallyPrecedes($1.key) }
    try bundle.write(sorted, to: invocation.value("--output") ?? path)
    context.terminal.say(
        "\(Shown.whole(invocation.value("--output") ?? path)): signed with the key \(key.publicKey), identity \(bundle.identity.short)"
    )
    return .done
}

let verifyCommand = CommandSpec(
    name: "verify", about: "check every byte of a bundle, and who signed it",
    arguments: [bundleArgument],
    options: [.init(name: "--json", about: "the same as JSON, for scripts", completes: .nothing)],
    examples: [("las verify my-metro.las", "says whose it is; the exit code is 5 where that is not known")],
    details: """
        A bundle that is not signed, or by a key that is not trusted here (las key trust), fails the check even if it is
        undamaged: anybody could have made it.
        """
) { invocation, context in
    let path = invocation.arguments[0]
    let bundle = try BundleFile.open(path)
    let verdict = try Trust(context.lash).verdict(bundle.identity, bundle.signatures, in: path)
    try Stage.during(context.terminal, "checking the bundle") { stage in
        try bundle.verify { stage.update(done: $0, of: $1) }
    }
    let words = verdict.words
    if invocation.has("--json") {
        let told: JSONValue = [
            "identity": .string(bundle.identity.hex), "undamaged": .bool(true), "trusted": .bool(verdict.isTrusted),
            "signed": .string(words),
        ]
        context.terminal.print(bytes: JSONText.bytes(of: told, indented: true))
    } else {
        context.terminal.print("\(Shown.whole(path)): undamaged, \(words)")
        context.terminal.print("identity \(bundle.identity)")
    }
    return verdict.isTrusted ? .done : .integrity
}

extension Trust.Verdict {
    var isTrusted: Bool { if case .trusted = self { true } else { false } }

    /// What follows a comma.
    var words: String {
        switch self {
        case .unsigned: "not signed"
        case .unknown(let keys):
            "signed by \(keys.map(\.description).joined(separator: ", ")), which is not trusted here"
        case .trusted(let trusted): "signed by \(Shown.whole(trusted.name)) (\(trusted.key))"
        }
    }
}
