internal import Files
internal import Glibc

/// How to reach a host: what the user's OpenSSH configuration says (`ssh -G`), or the usual values without OpenSSH.
struct OpenSSHConfiguration: Sendable {
    /// How the host is called in the host list's address.
    var alias: String
    var user: String
    var host: String
    var port: UInt16
    var identityFiles: [String]
    /// Certificates that stand beside no key of the same name (`CertificateFile`).
    var certificateFiles: [String] = []
    /// Tries Kerberos (`GSSAPIAuthentication`).
    var usesGSSAPI = false
    /// A library that has keys (`PKCS11Provider`).
    var tokenProvider: String?
    var identitiesOnly = false
    /// The agent's socket; nil for none.
    var agent: String?
    var knownHostsFiles: [String]
    var hostKeyAlias: String?
    var connectTimeout = 15.0
    var takesKeys = true
    var takesPasswords = true
    /// "inet" or "inet6"; nil for both.
    var family: String?
    /// Ciphers in their order; nil for the usual ones.
    var ciphers: [String]?
    /// How keys may be agreed on, in their order; nil for the usual ways.
    var keyExchanges: [String]?
    /// What libssh2 can't do of what the configuration asks for; nil for nothing.
    var beyondLibssh2: String?
    /// The user's `ssh`, where it is installed.
    var program: String?
    /// A configuration in the place of the user's (`LAS_SSH_CONFIG`).
    var file: String?

    /// - Throws: where `ssh -G` refuses the configuration.
    init(of address: HostAddress, environment: [String: String]) throws(HostFailure) {
        let account = Account.ofUser
        alias = address.host
        user = address.user ?? account.name
        host = address.host
        port = address.port ?? 22
        identityFiles = ["id_ed25519", "id_ecdsa", "id_rsa"].map { "\(account.home)/.ssh/\($0)" }
        agent = environment["SSH_AUTH_SOCK"].flatMap { $0.isEmpty ? nil : $0 }
        knownHostsFiles = ["\(account.home)/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"]
        file = environment["LAS_SSH_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        program = ChildProcess.find("ssh", environment: environment)
        guard let program else { return }
        let answer = try ChildProcess.output(
            of: program, options(of: address) + ["-G", "--", alias], environment: environment)
        guard answer.status == 0 else {
            throw HostFailure(
                .usage, "your OpenSSH configuration can't be used", cause: answer.errors,
                fix: "try: ssh -G \(alias)")
        }
        take(answer.text, environment: environment, account: account)
    }

    /// The options for the user's `ssh` that say what the address says.
    func options(of address: HostAddress) -> [String] {
        (file.map { ["-F", $0] } ?? []) + (address.user.map { ["-l", $0] } ?? [])
            + (address.port.map { ["-p", String($0)] } ?? [])
    }

    /// Of the ciphers that are allowed those first that a processor which knows AES does with least work, and which need no
    /// digest beside; nil for the order that there is.
    func orderedCiphers(knowingAES: Bool) -> [String]? {
        guard knowingAES, let ciphers else { return nil }
        let first = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"].filter(ciphers.contains)
        return first.isEmpty ? nil : first + ciphers.filter { !first.contains($0) }
    }

    /// Of the ways to agree on keys that are allowed those first that libssh2 uses, too: they take a fifth of the work of the one that
    /// OpenSSH prefers. For a second connection beside one of libssh2; nil for the order that there is.
    var lightKeyExchanges: [String]? {
        guard let keyExchanges else { return nil }
        let first = ["curve25519-sha256", "curve25519-sha256@libssh.org"].filter(keyExchanges.contains)
        return first.isEmpty ? nil : first + keyExchanges.filter { !first.contains($0) }
    }

    /// Whether this machine's processors have instructions for AES.
    static let processorKnowsAES: Bool = {
        let text = (try? File.read("/proc/cpuinfo", atMost: 4 << 20)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("flags") || $0.hasPrefix("Features") }
        return line?.split(separator: " ").contains("aes") ?? false
    }()

    private mutating func take(_ text: String, environment: [String: String], account: Account) {
        var values: [String: [String]] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2 else { continue }
            values[words[0].lowercased(), default: []].append(String(words[1]))
        }
        func one(_ key: String) -> String? { values[key]?.first.flatMap { $0 == "none" ? nil : $0 } }
        user = one("user") ?? user
        host = one("hostname") ?? host
        port = one("port").flatMap { UInt16($0) } ?? port
        func expand(_ path: String) -> String {
            var text = ""
            var rest = Substring(path)
            if rest.hasPrefix("~/") {
                text = account.home + "/"
                rest = rest.dropFirst(2)
            }
            while let character = rest.popFirst() {
                guard character == "%", let token = rest.popFirst() else {
                    text.append(character)
                    continue
                }
                switch token {
                case "d": text += account.home
                case "u": text += account.name
                case "r": text += user
                case "h": text += host
                case "n": text += alias
                case "p": text += String(port)
                case "%": text += "%"
                default: text += "%\(token)"
                }
            }
            return text
        }
        identityFiles = (values["identityfile"] ?? []).filter { $0 != "none" }.map(expand)
        certificateFiles = (values["certificatefile"] ?? []).filter { $0 != "none" }.map(expand)
        ciphers = one("ciphers").map { $0.split(separator: ",").map(String.init) }
        keyExchanges = one("kexalgorithms").map { $0.split(separator: ",").map(String.init) }
        usesGSSAPI = one("gssapiauthentication") == "yes"
        tokenProvider = one("pkcs11provider")
        identitiesOnly = one("identitiesonly") == "yes"
        hostKeyAlias = one("hostkeyalias")
        connectTimeout = one("connecttimeout").flatMap { Double($0) } ?? connectTimeout
        takesKeys = one("pubkeyauthentication").map { $0 != "no" && $0 != "false" } ?? true
        takesPasswords = one("passwordauthentication") != "no"
        family = one("addressfamily").flatMap { $0 == "any" ? nil : $0 }
        knownHostsFiles = ["userknownhostsfile", "globalknownhostsfile"].flatMap { key in
            Self.paths(one(key) ?? "").map(expand)
        }
        switch values["identityagent"]?.first {
        case nil, "SSH_AUTH_SOCK": break
        case "none": agent = nil
        case let path? where path.hasPrefix("$"): agent = environment[String(path.dropFirst())]
        case let path?: agent = expand(path)
        }
        for (key, name) in [
            ("proxyjump", "ProxyJump"), ("proxycommand", "ProxyCommand"), ("revokedhostkeys", "RevokedHostKeys"),
            ("knownhostscommand", "KnownHostsCommand"),
        ] where one(key) != nil {
            beyondLibssh2 = name
            break
        }
    }

    /// Paths of one line of `ssh -G`, which leaves out the quotes around those with spaces: a path begins where a word
    /// looks like the beginning of one.
    static func paths(_ text: String) -> [String] {
        var paths: [String] = []
        for word in text.split(separator: " ", omittingEmptySubsequences: false) where word != "none" {
            if let last = paths.last, !word.hasPrefix("/"), !word.hasPrefix("~/"), !word.hasPrefix("%d/") {
                paths[paths.count - 1] = last + " " + word
            } else {
                paths.append(String(word))
            }
        }
        return paths.filter { !$0.isEmpty }
    }
}

/// This machine's account that las runs as; its home is where OpenSSH looks, whatever `HOME` says.
struct Account {
    let name: String
    let home: String

    static var ofUser: Account {
        guard let entry = getpwuid(getuid()) else { return Account(name: String(getuid()), home: "/") }
        return Account(name: String(cString: entry.pointee.pw_name), home: String(cString: entry.pointee.pw_dir))
    }

    /// `~/…` with the home in its place.
    func expand(_ path: String) -> String { path.hasPrefix("~/") ? home + path.dropFirst(1) : path }
}
