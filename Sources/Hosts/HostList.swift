internal import Failures
package import Files

/// The hosts that las knows: `hosts.yml` in LASH, and `local`, which is always there.
///
/// The file is YAML of one fixed shape, which `docs/hosts.md` shows; what does not have it is refused with its line.
package struct HostList: Hashable, Sendable {
    /// Sorted by name, without `local`.
    package private(set) var hosts: [Host]
    /// Lines of comment at the file's beginning, without `#`.
    var preamble: [String] = []

    package init(_ hosts: [Host] = []) { self.hosts = hosts.sorted { $0.name < $1.name } }

    package subscript(name: String) -> Host? {
        name == Host.local.name ? .local : hosts.first { $0.name == name }
    }

    /// - Throws: where there is no such host, with the nearest name that there is.
    package func host(named name: String) throws(HostFailure) -> Host {
        if let host = self[name] { return host }
        let nearest = Suggestion.nearest(to: name, among: hosts.map(\.name) + [Host.local.name])
        throw .usage(
            "there is no host “\(Shown.whole(name))” in the host list",
            fix: nearest.map { "did you mean “\($0)”?" }
                ?? "add it: las host add \(Host.isName(name) ? name : "NAME") USER@HOST")
    }

    /// All with a label; `local` has none.
    /// - Throws: where no host has it, with the labels that there are.
    package func hosts(labelled label: String) throws(HostFailure) -> [Host] {
        let found = hosts.filter { $0.labels.contains(label) }
        if !found.isEmpty { return found }
        let labels = Set(hosts.flatMap(\.labels)).sorted()
        throw .usage(
            "no host has the label “\(Shown.whole(label))”",
            fix: labels.isEmpty
                ? "give it to one: las host label NAME \(Host.isLabel(label) ? label : "LABEL")"
                : "there are: \(labels.joined(separator: ", "))")
    }

    /// Gives labels to a host, and takes labels from it.
    /// - Returns: the host as it is then.
    package static func label(
        _ name: String, with new: [String], without old: [String], in lash: LASH
    ) throws(HostFailure) -> Host {
        for label in new where !Host.isLabel(label) {
            throw .usage(
                "“\(Shown.whole(label))” can't be a label",
                fix: "use at most 64 letters, digits, “-”, “_” and “.”, a letter or digit first")
        }
        var labelled = Host.local
        try change(lash) { (list) throws(HostFailure) in
            if name == Host.local.name { throw .usage("“local” is not in the list, and has no labels") }
            labelled = try list.host(named: name)
            for label in old where !labelled.labels.contains(label) {
                throw .usage("\(name) does not have the label “\(Shown.whole(label))”")
            }
            labelled.labels = Set(labelled.labels).union(new).subtracting(old).sorted()
            list.put(labelled)
        }
        return labelled
    }

    /// Has a host get no further tasks, or get some again.
    package static func drain(_ name: String, _ isDrained: Bool, in lash: LASH) throws(HostFailure) {
        try change(lash) { (list) throws(HostFailure) in
            if name == Host.local.name {
                throw .usage("“local” is not in the list, and can't be drained", fix: "leave it out of “las deploy”")
            }
            var host = try list.host(named: name)
            host.isDrained = isDrained
            list.put(host)
        }
    }

    /// Adds hosts that are not there yet.
    /// - Parameter replacing: whether those that are there are put into their places.
    /// - Returns: those that were added.
    package static func add(
        _ hosts: [Host], replacing: Bool, to lash: LASH
    ) throws(HostFailure) -> [Host] {
        var added: [Host] = []
        try change(lash) { (list) throws(HostFailure) in
            for host in hosts where replacing || list[host.name] == nil {
                list.put(host)
                added.append(host)
            }
        }
        return added
    }

    /// An empty list where there is no file yet.
    package static func read(_ lash: LASH) throws(HostFailure) -> HostList {
        let bytes: [UInt8]
        do throws(FileFailure) { bytes = try File.read(lash.hosts, atMost: 4 << 20) } catch {
            if error.isMissing { return HostList() }
            throw HostFailure(error)
        }
        return try HostList(parsing: bytes, from: lash.hosts)
    }

    /// Adds a host to the list of a LASH, or puts it into the place of the one of its name.
    package static func add(_ host: Host, to lash: LASH) throws(HostFailure) {
        try change(lash) { (list) throws(HostFailure) in list.put(host) }
    }

    package static func remove(_ name: String, from lash: LASH) throws(HostFailure) {
        try change(lash) { (list) throws(HostFailure) in
            if name == Host.local.name { throw .usage("“local” always is in the host list") }
            _ = try list.host(named: name)
            list.hosts.removeAll { $0.name == name }
        }
    }

    mutating func put(_ host: Host) {
        var host = host
        if let before = self[host.name], host.comments.isEmpty { host.comments = before.comments }
        hosts.removeAll { $0.name == host.name }
        hosts.append(host)
        hosts.sort { $0.name < $1.name }
    }

    private static func change(
        _ lash: LASH, _ body: (inout HostList) throws(HostFailure) -> Void
    ) throws(HostFailure) {
        do {
            let lock = try FileLock.take(lash.locks + "/hosts")
            var list = try read(lash)
            try body(&list)
            try File.write(list.text, to: lash.hosts)
            _ = consume lock
        } catch let error as FileFailure {
            throw HostFailure(error)
        } catch let error as HostFailure {
            throw error
        } catch {
            throw HostFailure(.system, "the host list can't be changed", cause: "\(error)")
        }
    }
}
