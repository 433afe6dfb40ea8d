internal import Failures
internal import JSON
internal import Parts
internal import Terminal

let diffCommand = CommandSpec(
    name: "diff", about: "show what differs between two bundles",
    arguments: [
        .init(name: "BUNDLE", about: "the one to compare from"), .init(name: "OTHER", about: "the one to compare to"),
    ],
    options: [
        .init(name: "--all", about: "all files, however many", completes: .nothing),
        .init(name: "--json", about: "the same as JSON, with all files", completes: .nothing),
    ],
    examples: [
        ("las diff old.las new.las", "packages, files and sizes: + only in new.las, - only in old.las, ~ changed"),
        ("las diff old.las new.las --json | jq '.images[].packages'", "for a script"),
    ],
    details: "Files are compared by what is in them. Nothing of the bundles is run."
) { invocation, context in
    let (first, second) = (try BundleContents(invocation.arguments[0]), try BundleContents(invocation.arguments[1]))
    let difference = try BundleDifference(first, second)
    if invocation.has("--json") {
        context.terminal.print(bytes: JSONText.bytes(of: difference.json(first, second), indented: true))
        return .done
    }
    if first.bundle.identity == second.bundle.identity {
        context.terminal.print("the same: identity \(first.bundle.identity)")
        return .done
    }
    context.terminal.print(
        "\(Amounts.bytes(first.bundle.size)) → \(Amounts.bytes(second.bundle.size)), identity \(first.bundle.identity.short) → \(second.bundle.identity.short)"
    )
    if first.bundle.runtime.part.digest != second.bundle.runtime.part.digest {
        context.terminal.print("another runtime")
    }
    for image in difference.images {
        context.terminal.print("")
        context.terminal.print(
            "\(Shown.whole(image.words)): \(Amounts.bytes(image.sizes.before)) → \(Amounts.bytes(image.sizes.after)) of files"
        )
        for line in Table.lines(image.packages.map { $0.row }) { context.terminal.print(line) }
        let most = invocation.has("--all") ? Int.max : 40
        for line in Table.lines(image.files.prefix(most).map { $0.row }) { context.terminal.print(line) }
        if image.files.count > most {
            context.terminal.print("  … and \(Amounts.count(image.files.count - most, "more file")): --all shows them")
        }
    }
    return .done
}

extension BundleDifference.Change {
    fileprivate var row: [String] {
        let sign = before == nil ? "+" : after == nil ? "-" : "~"
        let values = [before, after].compactMap { $0 }.map { Shown.text($0, atMost: 100) }
        return ["  \(sign) \(Shown.whole(what))", values.joined(separator: " → ")]
    }

    fileprivate var json: JSONValue {
        [
            "name": .string(what), "before": before.map(JSONValue.string) ?? .null,
            "after": after.map(JSONValue.string) ?? .null,
        ]
    }
}

extension BundleDifference {
    fileprivate func json(_ first: BundleContents, _ second: BundleContents) -> JSONValue {
        func side(_ contents: BundleContents) -> JSONValue {
            ["identity": .string(contents.bundle.identity.hex), "size": .integer(contents.bundle.size)]
        }
        return [
            "before": side(first), "after": side(second),
            "images": .array(
                images.map { image in
                    [
                        "image": .string(image.words), "packages": .array(image.packages.map(\.json)),
                        "files": .array(image.files.map(\.json)),
                        "size": ["before": .integer(image.sizes.before), "after": .integer(image.sizes.after)],
                    ]
                }),
        ]
    }
}
