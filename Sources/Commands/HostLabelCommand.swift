internal import Hosts
internal import Terminal

let hostLabelCommand = CommandSpec(
    name: "host label", about: "say in words of your own what a machine is good for",
    arguments: [
        .init(name: "NAME", about: "the host's name in the list", completes: .hosts),
        .init(name: "LABEL", about: "labels to give to it", isOptional: true, mayRepeat: true, completes: .nothing),
    ],
    options: [
        .init(name: "--remove", value: "LABEL", about: "a label to take from it", mayRepeat: true, completes: .nothing)
    ],
    examples: [
        ("las host label vega big gpu", "vega has the labels big and gpu then"),
        ("las host label vega --remove gpu", "takes one away"),
    ],
    details: """
        “las deploy my-metro --label big” takes the machines with that label.
        """
) { invocation, context in
    let (new, old) = (Array(invocation.arguments.dropFirst()), invocation.values("--remove"))
    if new.isEmpty, old.isEmpty {
        throw UsageFailure("which label?", fix: "las host label \(invocation.arguments[0]) LABEL")
    }
    let host = try HostList.label(invocation.arguments[0], with: new, without: old, in: context.lash)
    context.terminal.say(
        host.labels.isEmpty
            ? "\(host.name) has no labels" : "\(host.name) has the labels \(host.labels.joined(separator: ", "))")
    return .done
}
