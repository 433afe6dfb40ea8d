internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Parts

/// `las-runtime adopt DIGEST SIZE PATH`: what las has just sent to a host becomes the runtime there, if it is whole.
///
/// The program checks itself: a host that has nothing but a shell can't take a digest.
enum Adoption {
    /// - Throws: where the running file is not what it must be; it keeps its place then.
    static func run(_ arguments: [String]) throws {
        guard arguments.count == 3, let digest = Digest(hex: arguments[0]), let size = Int64(arguments[1]) else {
            throw AdoptionFailure(
                summary: "adopt takes a digest, a size and a path", cause: nil, exitCode: .usage)
        }
        try check(digest, size: size)
        let path = arguments[2]
        let own = try ownPath()
        chmod(own, 0o755)
        let descriptor = try File.open(own, O_RDONLY | O_CLOEXEC, action: "sync")
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileFailure("write", own) }
        try File.rename(own, to: path)
        clear(File.parent(of: path))
    }

    /// The same for a runtime that lies in LASH: not of a file that was looked at since the machine was started, and is the same.
    static func check(_ digest: Digest, in lash: LASH) throws {
        let stamp = PartStamp(digest, files: [try ownPath()], in: lash)
        if let stamp, stamp.isRecorded { return }
        try check(digest)
        stamp?.record()
    }

    /// - Throws: where the running file has another digest, or another size when one is given.
    static func check(_ digest: Digest, size: Int64? = nil) throws {
        let descriptor = try File.open("/proc/self/exe", O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(descriptor) }
        var (hasher, count): (SHA256, Int64) = (SHA256(), 0)
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let length = read(descriptor, &buffer, buffer.count)
            if length < 0, errno == EINTR { continue }
            guard length >= 0 else { throw FileFailure("read", "/proc/self/exe") }
            if length == 0 { break }
            buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
            count += Int64(length)
        }
        if let size, size != count {
            throw AdoptionFailure(
                summary: "the runtime has not arrived whole", cause: "\(count) of \(size) bytes", exitCode: .integrity)
        }
        guard hasher.digest() == digest else {
            throw AdoptionFailure(
                summary: "the runtime is not the one that it should be",
                cause: "its digest is \(hasher.digest()), not \(digest)", exitCode: .integrity)
        }
    }

    private static func ownPath() throws -> String {
        guard let path = realpath("/proc/self/exe", nil) else { throw FileFailure("find", "/proc/self/exe") }
        defer { free(path) }
        return String(cString: path)
    }

    /// Takes away what connections that were cut left a day ago.
    private static func clear(_ folder: String) {
        let yesterday = Int64(time(nil)) - 86_400
        for name in (try? Folder.names(in: folder)) ?? [] where name.hasPrefix(".") && name.hasSuffix(".new") {
            if let status = File.status("\(folder)/\(name)"), status.kind == .file, status.modified < yesterday {
                File.remove("\(folder)/\(name)")
            }
        }
    }
}

struct AdoptionFailure: Failure {
    let summary: String
    let cause: String?
    let exitCode: ExitCode
}
