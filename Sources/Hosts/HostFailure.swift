package import Failures
internal import Files

/// What goes wrong between this machine and a host.
package struct HostFailure: Failure, Hashable {
    package enum Kind: Hashable, Sendable {
        case usage
        /// The name is not known, nothing answers there, or what answers is no ssh server.
        case unreachable
        /// Host and libssh2 have no way in common.
        case noCommonMethod
        case unknownHostKey, changedHostKey, revokedHostKey
        /// Not known itself, but a certificate authority may vouch for it.
        case vouchedFor
        case refusedLogin
        /// The connection ended while it was needed.
        case cut
        /// The host can't run what las brings.
        case unfitHost
        case noRoom
        /// What the host sends is not what it must be.
        case untrusted
        /// The person, or the program, gave up.
        case abandoned
        case system
    }

    package let kind: Kind
    package let summary: String
    /// The host's name.
    package var place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode

    init(_ kind: Kind, _ summary: String, at host: String? = nil, cause: String? = nil, fix: String? = nil) {
        (self.kind, self.summary, place, self.cause, self.fix) = (kind, summary, host, cause, fix)
        exitCode =
            switch kind {
            case .usage: .usage
            case .unreachable, .noCommonMethod, .refusedLogin, .cut, .abandoned: .unreachable
            case .unknownHostKey, .changedHostKey, .revokedHostKey, .vouchedFor, .untrusted: .integrity
            case .unfitHost, .noRoom, .system: .resources
            }
    }

    static func usage(_ summary: String, at place: String? = nil, fix: String? = nil) -> HostFailure {
        HostFailure(.usage, summary, at: place, fix: fix)
    }

    /// A file of this machine.
    init(_ failure: FileFailure) {
        (kind, summary, place, cause) = (.system, failure.summary, nil, failure.cause)
        (fix, exitCode) = (failure.fix, failure.exitCode)
    }

    func at(_ host: Host) -> HostFailure {
        var copy = self
        if place == nil { copy.place = host.name }
        return copy
    }
}
