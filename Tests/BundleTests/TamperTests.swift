import Digests
import Files
import Layers
import Parts
import Signatures
import TestSupport
import Testing

@testable import Bundle

/// A signed bundle, of which one byte was changed, runs nowhere.
@Suite struct TamperTests {
    private func check(_ path: String, _ trust: Trust) throws {
        let bundle = try BundleFile.open(path)
        try trust.admit(bundle.identity, bundle.signatures, in: path)
        try bundle.verify()
    }

    @Test func aFlippedBitInAnyRegionIsFound() throws {
        try withScratch("tamper") { folder in
            let lash = LASH(root: folder + "/lash")
            let (store, trust) = (PartStore(lash), Trust(lash))
            try File.write([UInt8](repeating: 0x7f, count: 12_345), to: folder + "/runtime", mode: 0o755)
            try Folder.make(folder + "/root/etc")
            try Program("dd").run("if=/dev/urandom", "of=\(folder)/root/etc/noise", "bs=1k", "count=300", "status=none")
            let layer = try SampleLayers.layer(of: folder + "/root", named: "root")
            var metro = MetroImage()
            metro.add(try #require(RelativePath("plan.json")), bytes: Array("{}".utf8))
            let parts = [
                try store.add(runtimeAt: folder + "/runtime"),
                try ImageWriter(lash).environment(LayeredTree(layers: [layer]), named: "base"),
                try ImageWriter(lash).metro(metro, named: "texts"),
            ]
            let path = folder + "/x.las"
            let identity = try BundleWriter(store).write(parts, to: path)
            let (plain, key) = (try File.read(path), try SigningKey.make())
            let signature = BundleSignature(
                key: key.publicKey.bytes, bytes: key.sign(BundleSignature.message(identity)))
            try BundleFile.open(path).write([signature], to: path)
            try trust.add(key.publicKey, as: "anna")
            try trust.setDemandsSignature(true)
            try check(path, trust)
            let bundle = try BundleFile.open(path)
            #expect(bundle.identity == identity)
            // The parts and the index are as they were.
            let signed = try File.read(path)
            let index = Int(bundle.index.offset)
            #expect(signed.count == plain.count + 16 + 96)
            #expect(signed[..<(plain.count - 96)] == plain[..<(plain.count - 96)])

            let environment = bundle.parts[1]
            let places: [(String, Int)] = [
                ("the runtime", 100), ("the filling", 12_345), ("the filling's end", Int(environment.offset) - 1),
                ("the image's head", Int(environment.offset) + 4), ("a block", Int(environment.offset) + 4096 + 1000),
                ("the tables", Int(environment.end) - 5000), ("the image's end", Int(environment.end) - 1),
                ("the metro", Int(bundle.metro.offset) + 5000), ("the index", index + 3), ("a digest", index + 60),
                ("the index's end", plain.count - 97), ("the signature's word", plain.count - 96),
                ("the key", plain.count - 96 + 20), ("the signature", signed.count - 97),
                ("the footer", signed.count - 90), ("its digest", signed.count - 1),
            ]
            for (name, place) in places {
                var changed = signed
                changed[place] ^= 0x10
                try File.write(changed, to: path, mode: 0o755)
                #expect(throws: (any Error).self, "\(name), byte \(place)") { try check(path, trust) }
            }
            // Taking the signature away is no way around it, nor is another one.
            try File.write(plain, to: path, mode: 0o755)
            #expect(throws: SignatureFailure.self) { try check(path, trust) }
            let other = try SigningKey.make()
            let strange = BundleSignature(
                key: other.publicKey.bytes, bytes: other.sign(BundleSignature.message(identity)))
            try BundleFile.open(path).write([strange], to: path)
            #expect(throws: SignatureFailure.self) { try check(path, trust) }
        }
    }
}
