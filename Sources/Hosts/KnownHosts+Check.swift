extension KnownHosts {
    enum Verdict: Sendable {
        case known
        /// No key of this host is known; `authority` is the place of a line that trusts a certificate authority for it.
        case unknown(authority: String?)
        /// Other keys are known for it.
        case changed([Line])
        case revoked(Line)
    }

    /// How the files call a host: `[name]:port` where the port is not 22, and the alias as it is where one is set.
    struct Name: Hashable, Sendable {
        let primary: String
        /// Without the port: OpenSSH takes a key that is known under it, too.
        let withoutPort: String?

        init(host: String, port: UInt16, alias: String?) {
            let host = host.lowercased()
            if let alias {
                (primary, withoutPort) = (alias.lowercased(), nil)
            } else if port == 22 {
                (primary, withoutPort) = (host, nil)
            } else {
                (primary, withoutPort) = ("[\(host)]:\(port)", host)
            }
        }
    }

    func check(_ key: HostKey, of name: Name) -> Verdict {
        let mine = lines.filter { $0.names.match(name.primary) }
        let wider = name.withoutPort.map { host in lines.filter { $0.names.match(host) } } ?? []
        // Revoked wins, whatever else is said.
        if let line = (mine + wider).first(where: { $0.marker == .revoked && $0.key == key }) { return .revoked(line) }
        if (mine + wider).contains(where: { $0.marker == .none && $0.key == key }) { return .known }
        let others = mine.filter { $0.marker == .none }
        if !others.isEmpty { return .changed(others) }
        return .unknown(authority: (mine + wider).first { $0.marker == .certificateAuthority }?.place)
    }

    /// The types of the keys that are known for the host, in the order of the files: what the host shall be asked for first.
    func types(of name: Name) -> [String] {
        let mine = lines.filter { $0.names.match(name.primary) }
        let wider = name.withoutPort.map { host in lines.filter { $0.names.match(host) } } ?? []
        var types: [String] = []
        for line in mine + wider where line.marker == .none && !types.contains(line.key.type) {
            types.append(line.key.type)
        }
        return types
    }
}
