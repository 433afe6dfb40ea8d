/// What a server asks for: a `WWW-Authenticate` header (RFC 7235), such as
/// `Bearer realm="https://auth.example.org/token",service="registry",scope="repository:a:pull"`.
struct Challenge: Hashable {
    /// In small letters: `bearer`, `basic`.
    let scheme: String
    let parameters: [String: String]

    init?(_ text: String) {
        let halves = text.split(separator: " ", maxSplits: 1)
        guard let scheme = halves.first else { return nil }
        self.scheme = scheme.lowercased()
        var parameters: [String: String] = [:]
        var rest = halves.count > 1 ? halves[1] : ""
        while let equals = rest.firstIndex(of: "=") {
            let name = rest[..<equals].drop { $0 == " " || $0 == "," }.lowercased()
            rest = rest[rest.index(after: equals)...]
            var value = ""
            if rest.first == "\"" {
                rest.removeFirst()
                while let character = rest.popFirst(), character != "\"" {
                    value.append(character == "\\" ? rest.popFirst() ?? "\\" : character)
                }
            } else {
                value = String(rest.prefix { $0 != "," && $0 != " " })
                rest = rest.dropFirst(value.count)
            }
            parameters[name] = value
        }
        self.parameters = parameters
    }
}

/// The parts of an address that decide who sees what: `https`, `registry.example.org`, 5000.
struct Origin: Hashable {
    let scheme: String
    let host: String
    let port: UInt16

    init?(_ address: String) {
        guard let colon = address.firstRange(of: "://") else { return nil }
        scheme = address[..<colon.lowerBound].lowercased()
        guard scheme == "https" || scheme == "http" else { return nil }
        var place = address[colon.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        // Nobody hides a host behind a user's name.
        guard !place.contains("@"), !place.isEmpty else { return nil }
        var port: UInt16 = scheme == "https" ? 443 : 80
        if let colon = place.lastIndex(of: ":"), !place[colon...].contains("]") {
            guard let number = UInt16(place[place.index(after: colon)...]) else { return nil }
            (port, place) = (number, place[..<colon])
        }
        (host, self.port) = (place.lowercased(), port)
    }

    /// Whether what is sent there stays on this machine.
    var isLoopback: Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
    }
}
