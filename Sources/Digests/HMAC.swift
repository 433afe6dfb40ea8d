/// Keyed hashing (RFC 2104). SHA-1 only, for the host names that OpenSSH hashes in `known_hosts`; nothing of ours uses it.
package enum HMAC {
    package static func sha1(key: [UInt8], message: some Sequence<UInt8>) -> [UInt8] {
        let block = 64
        var padded = key.count > block ? SHA1.digest(key) : key
        padded += [UInt8](repeating: 0, count: block - padded.count)
        return SHA1.digest(padded.map { $0 ^ 0x5C } + SHA1.digest(padded.map { $0 ^ 0x36 } + Array(message)))
    }
}
