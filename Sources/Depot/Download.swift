internal import Digests

/// A file to be got from an archive.
struct Download: Sendable {
    /// `http`, `https` or `file`.
    let address: String
    /// Where it will lie when it is whole.
    let path: String
    /// For people: the package's or index's name.
    let what: String
    /// What its bytes must be; nil for files whose signature is checked afterwards.
    let digest: Digest?
    /// Bytes; nil when it is not known.
    let size: Int64?
    /// No more than this many bytes are taken where the size is not known.
    var limit: Int64 = 1 << 26
}

/// Why a file did not come.
struct DownloadProblem: Error, Sendable {
    enum Kind: Sendable {
        /// The server is there and does not have it.
        case missing
        /// No server, no network, no right.
        case unreachable
        /// It came and is not what it must be.
        case wrong
        /// Our own disk.
        case disk
    }

    let kind: Kind
    let address: String
    let reason: String

    var failure: DepotFailure {
        switch kind {
        case .missing, .unreachable:
            DepotFailure(
                "can't get \(address.printable)", cause: reason.printable,
                fix: "check the network, and that the archive in the apt sources is still there", .unreachable)
        case .wrong:
            DepotFailure(
                "\(address.printable) is not what its archive signed", cause: reason.printable,
                fix: "try again later or with another mirror: this one, or something on the way, changes files",
                .integrity)
        case .disk:
            DepotFailure("can't keep \(address.printable)", cause: reason, fix: "free some space for LASH", .resources)
        }
    }
}
