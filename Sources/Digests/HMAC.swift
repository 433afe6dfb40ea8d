internal import CCrypto

/// Keyed hashing (RFC 2104). SHA-1 only, for the host names that OpenSSH hashes in `known_hosts`; nothing of ours uses it.
package enum HMAC {
    package static func sha1(key: [UInt8], message: some Sequence<UInt8>) -> [UInt8] {
        let block = 64
        var padded = key.count > block ? sha1(key) : key
        padded += [UInt8](repeating: 0, count: block - padded.count)
        return sha1(padded.map { $0 ^ 0x5C } + sha1(padded.map { $0 ^ 0x36 } + Array(message)))
    }

    private static func sha1(_ bytes: [UInt8]) -> [UInt8] {
        var context = SHA_CTX()
        SHA1_Init(&context)
        SHA1_Update(&context, bytes, bytes.count)
        var digest = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
        SHA1_Final(&digest, &context)
        return digest
    }
}
