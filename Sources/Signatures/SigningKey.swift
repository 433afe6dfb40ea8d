internal import CSodium
internal import Digests
internal import Files

/// An Ed25519 key that others know a signer by; its text is one line that can be sent by mail.
package struct PublicKey: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    package static let byteCount = 32
    private static let word = "las-public-key-1"

    /// - Returns: nil unless there are 32 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = Array(bytes)
    }

    /// - Parameter text: as `text` gives it; what follows the key is for people.
    package init?(text: some StringProtocol) {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, words[0] == Self.word, let bytes = Base64.decode(words[1].utf8) else { return nil }
        self.init(bytes: bytes)
    }

    package var text: String { "\(Self.word) \(Base64.encode(bytes))" }

    /// Short enough to be read out: the first digits of its digest.
    package var description: String { Digest(of: bytes).short }

    /// Whether the holder of this key signed the message.
    package func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        Sodium.isReady && signature.count == SigningKey.signatureSize
            && crypto_sign_ed25519_verify_detached(signature, message, UInt64(message.count), bytes) == 0
    }
}

/// The secret half of a key pair, in memory only while it is used.
package final class SigningKey: Sendable {
    private nonisolated(unsafe) let secret: UnsafeMutableBufferPointer<UInt8>
    package let publicKey: PublicKey

    static let signatureSize = 64
    private static let secretSize = 64
    private static let word = "las-secret-key-1"

    private init(_ secret: UnsafeMutableBufferPointer<UInt8>, _ publicKey: PublicKey) {
        (self.secret, self.publicKey) = (secret, publicKey)
    }

    deinit {
        sodium_memzero(secret.baseAddress!, secret.count)
        secret.deallocate()
    }

    /// A fresh pair.
    package static func make() throws(SignatureFailure) -> SigningKey {
        guard Sodium.isReady else { throw SignatureFailure.noSodium }
        let secret = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: secretSize)
        var bytes = [UInt8](repeating: 0, count: PublicKey.byteCount)
        crypto_sign_ed25519_keypair(&bytes, secret.baseAddress!)
        guard let key = PublicKey(bytes: bytes) else { preconditionFailure("a key has 32 bytes") }
        return SigningKey(secret, key)
    }

    /// - Parameter text: as `text` gives it.
    package convenience init?(text: some StringProtocol) {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, words[0] == Self.word, let bytes = Base64.decode(words[1].utf8),
            bytes.count == Self.secretSize, let key = PublicKey(bytes: bytes[32...])
        else { return nil }
        let secret = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: Self.secretSize)
        _ = secret.initialize(from: bytes)
        self.init(secret, key)
    }

    /// For a file that only its owner may read.
    package var text: String { "\(Self.word) \(Base64.encode(Array(secret)))\n" }

    package func sign(_ message: [UInt8]) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: Self.signatureSize)
        crypto_sign_ed25519_detached(&signature, nil, message, UInt64(message.count), secret.baseAddress!)
        return signature
    }
}

enum Sodium {
    /// libsodium chooses its code for this processor once.
    static let isReady = sodium_init() >= 0
}
