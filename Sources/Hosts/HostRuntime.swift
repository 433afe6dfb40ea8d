package import Digests
internal import Glibc

/// The runtime that is brought to hosts: a static program, known by the SHA-256 of its file.
package struct HostRuntime: Hashable, Sendable {
    package let path: String
    package let digest: Digest
    package let size: Int64
    /// As `uname -m` calls it.
    package let architecture: String

    package init(path: String) throws(HostFailure) {
        var (hasher, size): (SHA256, Int64) = (SHA256(), 0)
        var head: [UInt8] = []
        try Self.pieces(of: path) { (piece) throws(HostFailure) in
            if head.isEmpty { head = Array(piece.prefix(20)) }
            hasher.update(piece)
            size += Int64(piece.count)
        }
        guard head.count == 20, head.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else {
            throw HostFailure(.usage, "\(path) is no program", fix: "name las-runtime, which is built with las")
        }
        // e_machine of the ELF header.
        switch UInt16(head[18]) | UInt16(head[19]) << 8 {
        case 62: architecture = "x86_64"
        case 183: architecture = "aarch64"
        case let machine: architecture = "ELF machine \(machine)"
        }
        (self.path, self.size, digest) = (path, size, hasher.digest())
    }

    /// Reads the file in pieces.
    static func pieces(of path: String, _ body: ([UInt8]) throws(HostFailure) -> Void) throws(HostFailure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("can't read \(path)") }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return }
            if count < 0 {
                if errno == EINTR { continue }
                throw .system("can't read \(path)")
            }
            try body(Array(buffer[..<count]))
        }
    }
}
