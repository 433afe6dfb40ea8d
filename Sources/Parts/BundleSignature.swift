package import Digests

/// A signature that a bundle brings: between its index and its footer, outside of what it covers.
package struct BundleSignature: Hashable, Sendable {
    /// The signer's public key, 32 bytes.
    package let key: [UInt8]
    /// Ed25519, 64 bytes.
    package let bytes: [UInt8]

    package init(key: [UInt8], bytes: [UInt8]) { (self.key, self.bytes) = (key, bytes) }

    /// What is signed: a bundle's identity, under a domain tag and a version.
    package static func message(_ identity: Digest) -> [UInt8] {
        var writer = ByteWriter()
        writer.append("las bundle signature\0")
        writer.append(version)
        writer.append(identity.bytes)
        return writer.bytes
    }

    static let version: UInt32 = 1
    private static let magic = "LASSIGNS"
    private static let most = 16

    /// Of all signatures; empty where there are none.
    static func block(_ signatures: [BundleSignature]) -> [UInt8] {
        if signatures.isEmpty { return [] }
        var writer = ByteWriter()
        writer.append(magic)
        writer.append(version)
        writer.append(UInt32(signatures.count))
        for signature in signatures {
            writer.append(signature.key)
            writer.append(signature.bytes)
        }
        return writer.bytes
    }

    static func read(_ block: [UInt8], from path: String) throws(PartFailure) -> [BundleSignature] {
        if block.isEmpty { return [] }
        var reader = ByteReader(block)
        guard let magic = reader.take(8), magic.elementsEqual(Self.magic.utf8), let version = reader.number(UInt32.self)
        else { throw .damaged("the signatures of the bundle are damaged", in: path) }
        if version > Self.version { throw .newer("the signature of the bundle", version: version, in: path) }
        guard version == Self.version, let count = reader.number(UInt32.self), (1...UInt32(most)).contains(count) else {
            throw .damaged("the signatures of the bundle are damaged", in: path)
        }
        var signatures: [BundleSignature] = []
        for _ in 0..<count {
            guard let key = reader.take(32), let bytes = reader.take(64) else {
                throw .damaged("the signatures of the bundle are cut short", in: path)
            }
            signatures.append(BundleSignature(key: Array(key), bytes: Array(bytes)))
        }
        guard reader.isAtEnd else { throw .damaged("there is something behind the bundle's signatures", in: path) }
        return signatures
    }
}
