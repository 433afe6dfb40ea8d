internal import CSodium

/// A key that texts are sealed with for whoever has the same key, by XChaCha20-Poly1305 (libsodium's
/// `crypto_aead_xchacha20poly1305_ietf`); in memory only while it is used.
package final class SealingKey: Sendable {
    private nonisolated(unsafe) let secret: UnsafeMutableBufferPointer<UInt8>

    package static let byteCount = 32
    package static let saltCount = 16
    private static let nonceCount = 24
    private static let tagCount = 16

    /// How much work it is to try a passphrase: Argon2id's passes and bytes of memory.
    package struct Effort: Hashable, Sendable, Codable {
        package let passes: Int
        package let memory: Int

        package init(passes: Int, memory: Int) { (self.passes, self.memory) = (passes, memory) }

        /// libsodium's “moderate”: 256 MiB, about a second.
        package static let usual = Effort(passes: 3, memory: 256 << 20)
        /// What a file may ask for: enough for anyone, and no attack on who opens it.
        package static let most = Effort(passes: 64, memory: 4 << 30)
    }

    private init(_ fill: (UnsafeMutableBufferPointer<UInt8>) -> Void) {
        secret = .allocate(capacity: Self.byteCount)
        fill(secret)
    }

    deinit {
        sodium_memzero(secret.baseAddress!, secret.count)
        secret.deallocate()
    }

    /// A fresh one.
    package static func make() throws(SignatureFailure) -> SealingKey {
        guard Sodium.isReady else { throw SignatureFailure.noSodium }
        return SealingKey { randombytes_buf($0.baseAddress!, $0.count) }
    }

    /// - Returns: nil unless there are 32 bytes.
    package convenience init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount, Sodium.isReady else { return nil }
        self.init { _ = $0.initialize(from: bytes) }
    }

    /// The key that a passphrase stands for, by Argon2id (RFC 9106).
    /// - Returns: nil where the salt has not 16 bytes, the effort is none, or there is not so much memory.
    package static func of(passphrase: String, salt: [UInt8], effort: Effort) -> SealingKey? {
        guard salt.count == saltCount, (1...Effort.most.passes).contains(effort.passes),
            (8192...Effort.most.memory).contains(effort.memory), Sodium.isReady
        else { return nil }
        var text = Array(passphrase.utf8CString)
        defer { sodium_memzero(&text, text.count) }
        var isMade = false
        let key = SealingKey { bytes in
            isMade =
                crypto_pwhash(
                    bytes.baseAddress!, UInt64(bytes.count), text, UInt64(text.count - 1), salt, UInt64(effort.passes),
                    effort.memory, crypto_pwhash_ALG_ARGON2ID13) == 0
        }
        return isMade ? key : nil
    }

    package static func salt() throws(SignatureFailure) -> [UInt8] {
        guard Sodium.isReady else { throw SignatureFailure.noSodium }
        var salt = [UInt8](repeating: 0, count: saltCount)
        randombytes_buf(&salt, salt.count)
        return salt
    }

    /// For a file that only its owner may read.
    package var bytes: [UInt8] { Array(secret) }

    /// - Parameter label: what it is; the box opens under the same label only.
    /// - Returns: a nonce, then the sealed text.
    package func seal(_ text: [UInt8], label: String) -> [UInt8] {
        var nonce = [UInt8](repeating: 0, count: Self.nonceCount)
        randombytes_buf(&nonce, nonce.count)
        var box = [UInt8](repeating: 0, count: text.count + Self.tagCount)
        let label = Array(label.utf8)
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            &box, nil, text, UInt64(text.count), label, UInt64(label.count), nil, nonce, secret.baseAddress!)
        return nonce + box
    }

    /// - Returns: nil where it was sealed with another key or under another label, or was changed.
    package func open(_ sealed: [UInt8], label: String) -> [UInt8]? {
        guard sealed.count >= Self.nonceCount + Self.tagCount else { return nil }
        let (nonce, box) = (Array(sealed[..<Self.nonceCount]), Array(sealed[Self.nonceCount...]))
        var text = [UInt8](repeating: 0, count: box.count - Self.tagCount)
        let label = Array(label.utf8)
        let isOpen =
            crypto_aead_xchacha20poly1305_ietf_decrypt(
                &text, nil, nil, box, UInt64(box.count), label, UInt64(label.count), nonce, secret.baseAddress!) == 0
        return isOpen ? text : nil
    }
}
