internal import Failures
internal import Files

/// What this machine's pip is told: which index packages come from, and how it is reached.
package struct PipConfiguration: Sendable {
    /// By the options' names: `index-url`.
    private let options: [String: String]
    /// `https_proxy` and their like.
    private let proxies: [String: String]

    package static let none = PipConfiguration(options: [:], proxies: [:])

    private static let wanted = ["index-url", "extra-index-url", "cert", "trusted-host", "proxy", "timeout", "retries"]

    private init(options: [String: String], proxies: [String: String]) {
        (self.options, self.proxies) = (options, proxies)
    }

    /// From the variables `PIP_…` and pip's own files, as pip looks for them.
    package static func ofMachine(environment: [String: String]) -> PipConfiguration {
        var options: [String: String] = [:]
        let home = environment["HOME"] ?? ""
        let own = environment["PIP_CONFIG_FILE"]
        var files: [String] = []
        if own != "/dev/null" {
            files = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf"]
            if !home.isEmpty {
                files += [
                    "\(home)/.pip/pip.conf", "\(environment["XDG_CONFIG_HOME"] ?? "\(home)/.config")/pip/pip.conf",
                ]
            }
            files += own.map { [$0] } ?? []
        }
        for file in files {
            guard let text = try? File.read(file, atMost: 1 << 20) else { continue }
            options.merge(Self.options(in: String(decoding: text, as: UTF8.self))) { $1 }
        }
        if let timeout = environment["PIP_DEFAULT_TIMEOUT"] { options["timeout"] = timeout }
        for name in wanted {
            if let value = environment[variable(name)], !value.isEmpty { options[name] = value }
        }
        let names = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]
        let proxies = environment.filter { names.contains($0.key.lowercased()) }
        return PipConfiguration(options: options, proxies: proxies)
    }

    private static func variable(_ name: String) -> String {
        "PIP_" + String(name.uppercased().map { $0 == "-" ? "_" : $0 })
    }

    /// Of the sections `global` and `install` of a file in the form of Python's configparser.
    private static func options(in text: String) -> [String: String] {
        var (found, section, last) = ([String: String](), "", "")
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.drop { $0 == " " || $0 == "\t" }
            if words.isEmpty || words.hasPrefix("#") || words.hasPrefix(";") { continue }
            if line.first == " " || line.first == "\t" {
                if found[last] != nil { found[last]? += " " + words }
                continue
            }
            if words.hasPrefix("["), let end = words.firstIndex(of: "]") {
                (section, last) = (String(words[words.index(after: words.startIndex)..<end]), "")
                continue
            }
            guard section == "global" || section == "install",
                let sign = words.firstIndex(where: { $0 == "=" || $0 == ":" })
            else { continue }
            let name = String(words[..<sign].filter { $0 != " " }.map { $0 == "_" ? "-" : $0 }).lowercased()
            let value = words[words.index(after: sign)...].drop { $0 == " " }
            last = name == "default-timeout" ? "timeout" : name
            if wanted.contains(last) { found[last] = String(value) } else { last = "" }
        }
        return found
    }

    // MARK: What becomes of it

    /// The file of certificates that servers are checked against: pip's own, else the machine's.
    var certificates: String? {
        [options["cert"], "/etc/ssl/certs/ca-certificates.crt"].compactMap { $0 }
            .first { File.status($0, follow: true)?.kind == .file }.flatMap { File.real($0) }
    }

    /// The variables of a pip that runs in the sandbox.
    ///
    /// - Parameter certificates: where the file of certificates lies there.
    func variables(certificates: String?) -> [String: String] {
        var variables = proxies
        for (name, value) in options where name != "cert" { variables[Self.variable(name)] = value }
        variables["PIP_CERT"] = certificates
        return variables
    }

    private var indexes: [String] {
        ["index-url", "extra-index-url"].flatMap { (options[$0] ?? "").split(separator: " ").map(String.init) }
    }

    /// An address with the user's name and password that an index of the same server is asked with.
    func withCredentials(_ address: String) -> String {
        guard let (scheme, user, server, rest) = Self.parts(of: address), user == nil else { return address }
        for index in indexes {
            guard let known = Self.parts(of: index), let user = known.user, known.scheme == scheme,
                known.server.lowercased() == server.lowercased()
            else { continue }
            return "\(scheme)://\(user)@\(server)\(rest)"
        }
        return address
    }

    /// An address without a user's name and password.
    static func withoutCredentials(_ address: String) -> String {
        guard let (scheme, user, server, rest) = parts(of: address), user != nil else { return address }
        return "\(scheme)://\(server)\(rest)"
    }

    /// A text for people, with nothing secret of the indexes' addresses in it.
    func withoutSecrets(_ text: String) -> String {
        var text = text
        for index in indexes {
            guard let user = Self.parts(of: index)?.user else { continue }
            let secrets = [user] + user.split(separator: ":").map(String.init).filter { $0.utf8.count > 3 }
            for secret in secrets {
                text = text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "****")
            }
        }
        return text
    }

    private static func parts(of address: String) -> (scheme: String, user: String?, server: String, rest: String)? {
        let halves = address.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, halves[0] == "https" || halves[0] == "http" else { return nil }
        let end = halves[1].firstIndex { "/?#".contains($0) } ?? halves[1].endIndex
        let authority = halves[1][..<end]
        let at = authority.lastIndex(of: "@")
        return (
            String(halves[0]), at.map { String(authority[..<$0]) },
            String(at.map { authority[authority.index(after: $0)...] } ?? authority), String(halves[1][end...])
        )
    }
}
