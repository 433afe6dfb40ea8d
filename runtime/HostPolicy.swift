internal import Failures
internal import Files
internal import HostProtocol
internal import Parts
internal import Signatures

/// What this host demands of what las brings: `policy.json` and `trusted` in its LASH.
struct HostPolicy: Sendable {
    private let trust: Trust
    private let lash: LASH

    init(_ lash: LASH) { (trust, self.lash) = (Trust(lash), lash) }

    /// A policy that can't be read demands the most.
    var demandsSignature: Bool { (try? trust.demandsSignature()) ?? true }

    /// Asked before a run is made: nothing of it has been started or mounted.
    /// - Throws: where the policy does not let it run.
    func admit(_ start: Start) throws {
        let demands = try trust.demandsSignature()
        guard let bundle = start.bundle, !bundle.signed.isEmpty else {
            guard demands else { return }
            throw refusal("what was sent is not signed")
        }
        let verdict = try trust.verdict(bundle.identity, bundle.signed, in: "the bundle that was sent")
        guard demands else { return }
        guard case .trusted = verdict else {
            guard case .unknown(let keys) = verdict else { throw refusal("what was sent is not signed") }
            throw SignatureFailure(
                "this host starts only what is signed by a key that it trusts",
                cause: "it is signed by \(keys.map(\.description).joined(separator: ", ")), which it does not trust",
                fix: "whoever keeps the host puts the signer's public key there, as \(lash.root)/trusted/NAME.pub")
        }
        if let part = start.parts.first(where: { !bundle.parts.contains($0) }) {
            throw refusal("\(Shown.whole(part.words)) is none of the bundle's that was signed")
        }
    }

    private func refusal(_ cause: String) -> SignatureFailure {
        SignatureFailure(
            "this host starts only what is signed by a key that it trusts", cause: cause,
            fix: "las pack, then las sign NAME.las, then las deploy NAME.las, with the inputs that it was packed with")
    }
}
