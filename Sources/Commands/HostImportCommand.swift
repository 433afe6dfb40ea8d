internal import Failures
internal import Hosts
internal import Terminal

let hostImportCommand = CommandSpec(
    name: "host import", about: "add the machines of your OpenSSH configuration, or of another program's file",
    arguments: [
        .init(name: "FILE", about: "the file; ~/.ssh/config when left out", isOptional: true, completes: .files)
    ],
    options: [
        .init(
            name: "--kind", value: "KIND", about: "what the file is, where las can't tell",
            completes: .oneOf(Inventory.Kind.allCases.map(\.rawValue))),
        .init(name: "--label", value: "LABEL", about: "a label for all of them", mayRepeat: true, completes: .nothing),
        .init(name: "--replace", about: "also those whose names are in the list already", completes: .nothing),
        .init(name: "--dry-run", about: "show them, and add none", completes: .nothing),
    ],
    examples: [
        ("las host import", "the names of ~/.ssh/config that stand for one machine"),
        ("las host import inventory.ini --dry-run", "shows what would come of an inventory of Ansible"),
        ("las host import machines.txt --label cluster", "one machine a line, as MPI programs read it"),
    ],
    details: """
        Kinds: openssh (names of Host lines, without patterns; files that it includes too), ansible (an inventory in its INI form;
        its groups become labels), machines (NAME or USER@NAME, one a line). Nothing is connected to: “las host check” does that.
        """
) { invocation, context in
    let inventory = try Inventory(
        invocation.arguments.first.map(Context.absolute),
        kind: invocation.value("--kind").flatMap { Inventory.Kind(rawValue: $0) }, environment: context.environment)
    let labels = invocation.values("--label")
    for label in labels where !Host.isLabel(label) {
        throw UsageFailure("“\(Shown.whole(label))” can't be a label", fix: "--label cluster")
    }
    let hosts = inventory.hosts.map { host in
        var host = host
        host.labels = Set(host.labels).union(labels).sorted()
        return host
    }
    for note in inventory.notes { context.terminal.say("note: \(note)") }
    let replacing = invocation.has("--replace")
    let added: [Host]
    if invocation.has("--dry-run") {
        let known = try HostList.read(context.lash)
        added = hosts.filter { replacing || known[$0.name] == nil }
    } else {
        added = try HostList.add(hosts, replacing: replacing, to: context.lash)
    }
    let rows = added.map { [$0.name, $0.address?.description ?? "", $0.labels.joined(separator: " ")] }
    for line in Table.lines(rows) { context.terminal.print(String(line.reversed().drop { $0 == " " }.reversed())) }
    let kept = hosts.count - added.count
    context.terminal.say(
        (invocation.has("--dry-run") ? "would add " : "added ") + Amounts.count(added.count, "host")
            + (kept > 0 ? "; \(kept) are in the list already (--replace takes them anew)" : ""))
    return .done
}
