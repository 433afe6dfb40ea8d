internal import CCrypto

/// SHA-256 (FIPS 180-4) in pieces, by libcrypto.
package struct SHA256 {
    private var context = SHA256_CTX()

    package init() { SHA256_Init(&context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        SHA256_Update(&context, start, bytes.count)
    }

    package mutating func update(_ bytes: some Sequence<UInt8>) {
        let done: Void? = bytes.withContiguousStorageIfAvailable { update(UnsafeRawBufferPointer($0)) }
        if done == nil { Array(bytes).withUnsafeBytes { update($0) } }
    }

    package mutating func update(_ text: String) { update(text.utf8) }

    /// - Returns: the digest of all that was given; the hasher may go on being fed.
    package func digest() -> Digest {
        var copy = context
        var bytes = [UInt8](repeating: 0, count: Digest.byteCount)
        SHA256_Final(&bytes, &copy)
        guard let digest = Digest(bytes: bytes) else { preconditionFailure("SHA-256 has 32 bytes") }
        return digest
    }
}

extension Digest {
    package init(of bytes: some Sequence<UInt8>) {
        var hasher = SHA256()
        hasher.update(bytes)
        self = hasher.digest()
    }

    package init(of text: String) { self.init(of: text.utf8) }
}
