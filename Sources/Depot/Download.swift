internal import Digests
internal import Failures
internal import Files
internal import Glibc

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

    /// Whether the file is there from an earlier time, and whole: it was not synced then, so its bytes are looked at.
    static func isWhole(_ path: String, size: Int64, digest: Digest) -> Bool {
        guard File.status(path)?.size == size,
            let descriptor = try? File.open(path, O_RDONLY | O_CLOEXEC, action: "read")
        else { return false }
        defer { close(descriptor) }
        var hasher = SHA256()
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 { return false }
            if count == 0 { return hasher.digest() == digest }
            chunk.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }
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
                "can't get \(Shown.whole(address))", cause: Shown.whole(reason),
                fix: "check the network, and that the archive in the apt sources is still there", .unreachable)
        case .wrong:
            DepotFailure(
                "\(Shown.whole(address)) is not what its archive signed", cause: Shown.whole(reason),
                fix: "try again later or with another mirror: this one, or something on the way, changes files",
                .integrity)
        case .disk:
            DepotFailure(
                "can't keep \(Shown.whole(address))", cause: reason, fix: "free some space for LASH", .resources)
        }
    }
}
