internal import CCrypto

/// SHA-1 (FIPS 180-4), by libcrypto, for files of others that hold one; las itself trusts none.
package enum SHA1 {
    package static let byteCount = 20

    package static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var context = SHA_CTX()
        SHA1_Init(&context)
        SHA1_Update(&context, bytes, bytes.count)
        var digest = [UInt8](repeating: 0, count: byteCount)
        SHA1_Final(&digest, &context)
        return digest
    }
}
