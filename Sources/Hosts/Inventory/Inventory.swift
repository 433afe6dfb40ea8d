internal import Failures
internal import Files

/// Hosts that another program's file names.
package struct Inventory: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Names of the user's OpenSSH configuration.
        case openssh
        /// An inventory of Ansible, in its INI form.
        case ansible
        /// One machine a line, as MPI programs and GNU parallel read it.
        case machines
    }

    /// In the order of the file, each name once.
    package private(set) var hosts: [Host] = []
    /// What was left out, or read in a way that the person may not expect.
    package private(set) var notes: [String] = []

    /// Reads a file of hosts.
    /// - Parameters:
    ///   - path: nil for the user's OpenSSH configuration.
    ///   - kind: nil to tell it from the text.
    /// - Throws: where it can't be read, or is of a kind that las does not read.
    package init(_ path: String?, kind: Kind?, environment: [String: String]) throws(HostFailure) {
        let path = path ?? environment["LAS_SSH_CONFIG"] ?? "\(Account.ofUser.home)/.ssh/config"
        let bytes: [UInt8]
        do throws(FileFailure) { bytes = try File.read(path, atMost: 16 << 20) } catch { throw HostFailure(error) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .usage("the file is not UTF-8 text", at: path)
        }
        switch kind ?? Self.kind(of: text) {
        case .openssh: try add(OpenSSHHosts(text, at: path))
        case .ansible: try add(AnsibleInventory(text, at: path))
        case .machines: add(MachineFile(text))
        }
    }

    private static func kind(of text: String) -> Kind {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "=" }
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            if first == "---" || first.hasSuffix(":") && first != ":" { return .ansible }
            if first.hasPrefix("[") || line.contains("ansible_") { return .ansible }
            if ["host", "match", "include"].contains(first.lowercased()), words.count > 1 { return .openssh }
        }
        return .machines
    }

    private mutating func add(_ found: OpenSSHHosts) {
        notes += found.notes
        for name in found.names {
            add(name) { () throws(HostFailure) in try Host(named: name, address: HostAddress(name)) }
        }
    }

    private mutating func add(_ found: AnsibleInventory) {
        notes += found.notes
        for entry in found.entries {
            add(entry.name) { () throws(HostFailure) in
                var host = try Host(
                    named: entry.name, address: HostAddress(entry.address),
                    identity: entry.identity.map { $0.hasPrefix("/") || $0.hasPrefix("~/") ? $0 : "~/" + $0 })
                host.labels = entry.groups.filter(Host.isLabel).sorted()
                return host
            }
        }
    }

    private mutating func add(_ found: MachineFile) {
        notes += found.notes
        for machine in found.machines {
            add(machine.name) { () throws(HostFailure) in
                try Host(named: machine.name, address: HostAddress(machine.address))
            }
        }
    }

    private mutating func add(_ name: String, _ host: () throws(HostFailure) -> Host) {
        guard !hosts.contains(where: { $0.name == name }) else { return }
        do throws(HostFailure) { hosts.append(try host()) } catch {
            notes.append("“\(Shown.whole(name))” is left out: \(error.summary)")
        }
    }
}
