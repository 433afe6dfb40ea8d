package import Digests
package import Parts

/// A bundle as far as a host has to know it to judge its signatures: all its parts, and who signed them.
package struct SentBundle: Hashable, Sendable, Codable {
    /// In the order of its index, the runtime first.
    package let parts: [Part]
    private let signatures: [Signature]

    private struct Signature: Hashable, Sendable, Codable {
        let key: String
        let signature: String
    }

    package init(parts: [Part], signatures: [BundleSignature]) {
        self.parts = parts
        self.signatures = signatures.map { Signature(key: Base64.encode($0.key), signature: Base64.encode($0.bytes)) }
    }

    /// What a signature covers: of the parts that are told here, so that it can't be another bundle's.
    package var identity: Digest { BundleIndex.identity(of: parts) }

    /// What is no Base64 is a signature that fits nothing.
    package var signed: [BundleSignature] {
        signatures.map {
            BundleSignature(
                key: Base64.decode($0.key.utf8) ?? [], bytes: Base64.decode($0.signature.utf8) ?? [])
        }
    }
}
