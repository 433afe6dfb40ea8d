internal import Failures

/// A machine in the host list, or `local`: this one.
package struct Host: Hashable, Sendable {
    /// Which program speaks ssh.
    package enum Program: String, Hashable, Sendable, CaseIterable {
        /// libssh2, and the user's own `ssh` where libssh2 can't.
        case auto
        case libssh2
        /// The user's own `ssh`.
        case openssh
    }

    package let name: String
    /// nil for `local`, and for the nodes of a cluster whose jobs are submitted from this machine.
    package let address: HostAddress?
    /// A node that Slurm keeps; the address is that of the host that jobs are submitted from.
    package private(set) var node: SlurmNode?
    /// The private key to log in with; nil for what the OpenSSH configuration, the agent and the usual files hold.
    package var identity: String?
    /// Where LASH lies there: absolute, or `~/…`; nil for `$LASH` or `~/.las` of the account.
    package var lash: String?
    package var program: Program
    /// What it is good for, in the user's words; sorted. A group of hosts is those with the same label.
    package var labels: [String] = []
    /// It gets no further tasks.
    package var isDrained = false
    /// Lines of comment above it in the host list, without `#`.
    var comments: [String] = []

    private init(name: String, address: HostAddress?, identity: String?, lash: String?, program: Program) {
        (self.name, self.address, self.identity, self.lash) = (name, address, identity, lash)
        self.program = program
    }

    /// This machine, without ssh.
    package static let local = Host(name: "local", address: nil, identity: nil, lash: nil, program: .auto)

    package var isLocal: Bool { address == nil && node == nil }

    /// - Parameter lash: on the node.
    init(_ name: String, node: SlurmNode, through login: Host, lash: String) {
        self.init(
            name: name, address: login.address, identity: login.identity, lash: lash, program: login.program)
        self.node = node
    }

    /// - Throws: where the name, the key's file or the folder can't be ones.
    package init(
        named name: String, address: HostAddress, identity: String? = nil, lash: String? = nil, program: Program = .auto
    ) throws(HostFailure) {
        guard name != Host.local.name else {
            throw .usage("“local” always means this machine", fix: "give the host another name")
        }
        guard Host.isName(name) else {
            throw .usage(
                "“\(Shown.whole(name))” can't be a host's name",
                fix: "use at most 64 letters, digits, “-”, “_” and “.”, a letter or digit first")
        }
        for path in [identity, lash].compactMap({ $0 }) {
            guard path.hasPrefix("/") || path.hasPrefix("~/"), !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
            else {
                throw .usage(
                    "“\(Shown.whole(path))” must be a whole path, without line breaks",
                    fix: "begin it with “/”, or with “~/”")
            }
        }
        self.init(name: name, address: address, identity: identity, lash: lash, program: program)
    }

    /// As a host's name.
    package static func isLabel(_ text: String) -> Bool { isName(text) }

    static func isName(_ text: String) -> Bool {
        let letters = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        return letters && (1...64).contains(text.utf8.count) && !text.hasPrefix("-") && !text.hasPrefix(".")
            && !text.hasPrefix("_")
    }
}

/// `user@host:port`, where user and port may be left out, or a name of the user's OpenSSH configuration.
package struct HostAddress: Hashable, Sendable, CustomStringConvertible {
    package let user: String?
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    package let host: String
    package let port: UInt16?

    package init(_ text: String) throws(HostFailure) {
        func refuse(_ why: String) -> HostFailure {
            .usage(
                "“\(Shown.whole(text))” is no address of a host: \(why)",
                fix:
                    "write user@host:port, where user and port may be left out, or a name of your OpenSSH configuration"
            )
        }
        var rest = text[...]
        if let at = rest.lastIndex(of: "@") {
            let user = rest[..<at]
            guard !user.isEmpty, !user.hasPrefix("-"), user.utf8.allSatisfy(Self.isPlain) else {
                throw refuse("the user's name has characters that names don't have")
            }
            self.user = String(user)
            rest = rest[rest.index(after: at)...]
        } else {
            user = nil
        }
        var portText: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw refuse("“]” is missing") }
            let after = rest[rest.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw refuse("after “]” comes only “:port”") }
            portText = after.isEmpty ? nil : after.dropFirst()
            rest = rest[rest.index(after: rest.startIndex)..<end]
        } else if rest.split(separator: ":", omittingEmptySubsequences: false).count == 2,
            let colon = rest.firstIndex(of: ":")
        {
            portText = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
        }
        if let portText {
            guard let number = UInt16(portText), number > 0 else { throw refuse("a port is a number from 1 to 65535") }
            port = number
        } else {
            port = nil
        }
        guard !rest.isEmpty else { throw refuse("the host is missing") }
        guard !rest.hasPrefix("-"), rest.utf8.count <= 255,
            rest.utf8.allSatisfy({ Self.isPlain($0) || $0 == UInt8(ascii: ":") })
        else { throw refuse("the host's name has characters that names don't have") }
        host = String(rest)
    }

    /// Nothing that a shell, a terminal or a configuration file would read as something else.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "%"), UInt8(ascii: "+"), UInt8(ascii: "@"), UInt8(ascii: "$"), 0x80...0xFF:
            true
        default: false
        }
    }

    package var description: String {
        (user.map { $0 + "@" } ?? "") + (host.contains(":") ? "[\(host)]" : host) + (port.map { ":\($0)" } ?? "")
    }
}
