internal import Execution
internal import Failures
internal import HostProtocol
internal import Hosts
internal import Terminal

let hostDrainCommand = CommandSpec(
    name: "host drain", about: "have a machine finish what it does, and give it nothing further",
    arguments: [.init(name: "NAME", about: "the host's name in the list", completes: .hosts)],
    options: [.init(name: "--undo", about: "it gets tasks again", completes: .nothing)],
    examples: [
        ("las host drain vega", "before vega is restarted: what runs there ends, the rest goes to other hosts"),
        ("las host drain vega --undo", "runs that go on give it tasks again"),
    ],
    details: """
        Holds for runs over several hosts that go on here, and for those that begin later, until --undo. What already
        runs on the machine goes on to its end, and so does a run that it does by itself.
        """
) { invocation, context in
    let (name, isDrained) = (invocation.arguments[0], !invocation.has("--undo"))
    try HostList.drain(name, isDrained, in: context.lash)
    context.terminal.say(isDrained ? "\(name) gets no further tasks" : "\(name) gets tasks again")
    return .done
}

let joinCommand = CommandSpec(
    name: "join", about: "have more machines help with a run over several hosts",
    arguments: [
        .init(name: "RUN", about: "the run's name", completes: .runs),
        .init(name: "HOST", about: "hosts of the list", mayRepeat: true, completes: .hosts),
    ],
    examples: [("las join variants-7f3a2 altair", "while the run goes on; altair gets its parts, and then tasks")],
    details:
        "“las host drain NAME” has a machine leave. A run that was cut off has the new machines when it is resumed."
) { invocation, context in
    let run = try RunNames.find(invocation.arguments[0], in: context.lash)
    let list = try HostList.read(context.lash)
    let hosts = try invocation.arguments.dropFirst().map { try list.host(named: $0) }
    let names = try Dispatch.join(run, hosts.map(\.name), context)
    for host in hosts {
        context.terminal.say(
            names.contains(host.name) ? "\(host.name) joins \(run)" : "\(host.name) takes part already")
    }
    return .done
}
