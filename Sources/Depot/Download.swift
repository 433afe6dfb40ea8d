internal import Digests
internal import Failures
internal import Files
internal import Glibc

/// A file to be got from an archive of packages, or from anywhere on the web.
struct Download: Sendable {
    /// `http`, `https` or `file`.
    let address: String
    /// Where it will lie when it is whole.
    let path: String
    /// For people: the package's or index's name.
    let what: String
    /// What its bytes must be; nil for files whose signature is checked afterwards, or that are taken as they are.
    let digest: Digest?
    /// Bytes; nil when it is not known.
    let size: Int64?
    /// No more than this many bytes are taken where the size is not known.
    var limit: Int64 = 1 << 26
    /// For a file of the web: it is asked for by http alone, never along from https to http, and goes on where it was broken
    /// off also where its digest is not known.
    var isOfWeb = false
    /// What the server said of the file that is kept already: it need not come again while that is so.
    var known: Validators?

    /// Whether the file is there from an earlier time, and whole: it was not synced then, so its bytes are looked at.
    static func isWhole(_ path: String, size: Int64, digest: Digest) -> Bool {
        guard File.status(path)?.size == size else { return false }
        return (try? Self.digest(of: path)) == digest
    }

    static func digest(of path: String) throws(FileFailure) -> Digest {
        let descriptor = try File.open(path, O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(descriptor) }
        var hasher = SHA256()
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileFailure("read", path) }
            if count == 0 { return hasher.digest() }
            chunk.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }
}

/// By what a server tells one version of a file from another.
struct Validators: Hashable, Sendable, Codable {
    var entityTag: String?
    var lastModified: String?

    var isEmpty: Bool { entityTag == nil && lastModified == nil }

    /// What a range may depend on: a weak tag says only that two versions mean the same.
    var ofRange: String? { entityTag.flatMap { $0.hasPrefix("W/") ? nil : $0 } ?? lastModified }
}

/// What came.
struct Downloaded: Sendable {
    let digest: Digest
    let size: Int64
    let validators: Validators
    /// The server said that the file which is kept already is still the one.
    let isUnchanged: Bool
}

/// Why a file did not come.
struct DownloadProblem: Error, Sendable {
    enum Kind: Sendable {
        /// The server is there and does not have it.
        case missing
        /// The server has it for others only.
        case forbidden
        /// No server, no network, no trust.
        case unreachable
        /// It came and is not what it must be.
        case wrong
        /// It is more than may be taken.
        case tooLarge
        /// Our own disk.
        case disk
    }

    let kind: Kind
    let address: String
    let reason: String

    var failure: DepotFailure {
        switch kind {
        case .missing, .forbidden, .unreachable:
            DepotFailure(
                "can't get \(Shown.whole(address))", cause: Shown.whole(reason),
                fix: "check the network, and that the archive in the apt sources is still there", .unreachable)
        case .wrong, .tooLarge:
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
