import Digests
import Files
import Parts
import TestSupport
import Testing

@testable import Signatures

@Suite struct TrustTests {
    private let identity = Digest(of: "a bundle")

    private func signature(by key: SigningKey, of identity: Digest) -> BundleSignature {
        BundleSignature(key: key.publicKey.bytes, bytes: key.sign(BundleSignature.message(identity)))
    }

    @Test func keysAreTheSameAfterTheyWereText() throws {
        let key = try SigningKey.make()
        let again = try #require(SigningKey(text: key.text))
        let publicKey = try #require(PublicKey(text: key.publicKey.text + " anna"))
        #expect(again.publicKey == key.publicKey && publicKey == key.publicKey)
        #expect(publicKey.verifies(again.sign([1, 2, 3]), of: [1, 2, 3]))
        #expect(!publicKey.verifies(again.sign([1, 2, 3]), of: [1, 2, 4]))
        for wrong in [
            "", "las-public-key-1", "las-public-key-1 AAAA", "las-public-key-2 \(key.publicKey.text.dropFirst(17))",
        ] {
            #expect(PublicKey(text: wrong) == nil)
        }
    }

    /// RFC 8032, 7.1, test 2: other programs know the same signatures.
    @Test func signaturesAreThoseOfEd25519() throws {
        func bytes(_ hex: String) -> [UInt8] {
            stride(from: 0, to: hex.count, by: 2).map { offset in
                UInt8(hex.dropFirst(offset).prefix(2), radix: 16) ?? 0
            }
        }
        let key = try #require(
            PublicKey(bytes: bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")))
        let signature = bytes(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        )
        #expect(key.verifies(signature, of: [0x72]))
        #expect(!key.verifies(signature, of: [0x73]))
        #expect(!key.verifies(Array(signature.dropLast()), of: [0x72]))
    }

    @Test func whatIsTrustedIsSaidByThePersonWhoTrustsIt() throws {
        try withScratch("trust") { folder in
            let trust = Trust(LASH(root: folder))
            let key = try SigningKey.make()
            let signed = [signature(by: key, of: identity)]
            #expect(try trust.verdict(identity, [], in: "x.las") == .unsigned)
            #expect(try trust.verdict(identity, signed, in: "x.las") == .unknown([key.publicKey]))
            try trust.add(key.publicKey, as: "anna")
            #expect(
                try trust.verdict(identity, signed, in: "x.las") == .trusted(.init(name: "anna", key: key.publicKey)))
            #expect(trust.remove("anna"))
            #expect(try trust.verdict(identity, signed, in: "x.las") == .unknown([key.publicKey]))
        }
    }

    @Test func theSignatureOfAnotherBundleIsAnErrorWhoeverMadeIt() throws {
        try withScratch("trust") { folder in
            let trust = Trust(LASH(root: folder))
            let signed = [signature(by: try SigningKey.make(), of: Digest(of: "another"))]
            let failure = #expect(throws: SignatureFailure.self) { try trust.verdict(identity, signed, in: "x.las") }
            #expect(failure?.exitCode == .integrity)
            #expect(failure?.summary == "the signature of the bundle is not of what the bundle holds")
        }
    }

    @Test func aPolicyMayDemandASignature() throws {
        try withScratch("trust") { folder in
            let trust = Trust(LASH(root: folder))
            let key = try SigningKey.make()
            let signed = [signature(by: key, of: identity)]
            try trust.admit(identity, [], in: "x.las")
            try trust.setDemandsSignature(true)
            for signatures in [[], signed] {
                let failure = #expect(throws: SignatureFailure.self) {
                    try trust.admit(identity, signatures, in: "x.las")
                }
                #expect(failure?.summary == "here only bundles run that are signed by a key that is trusted here")
            }
            try trust.add(key.publicKey, as: "anna")
            try trust.admit(identity, signed, in: "x.las")
            // What else the policy says is the runtime's affair, and stays.
            try File.write(#"{"engine": "fuse"}"#, to: folder + "/policy.json")
            try trust.admit(identity, [], in: "x.las")
            try trust.setDemandsSignature(true)
            #expect(throws: SignatureFailure.self) { try trust.admit(identity, [], in: "x.las") }
            let policy = String(decoding: try File.read(folder + "/policy.json"), as: UTF8.self)
            #expect(policy.contains(#""engine": "fuse""#) && policy.contains(#""signature": "required""#), "\(policy)")
            try File.write("{}", to: folder + "/policy.json")
            #expect(throws: SignatureFailure.self) { try trust.admit(identity, [], in: "x.las") }
        }
    }
}
