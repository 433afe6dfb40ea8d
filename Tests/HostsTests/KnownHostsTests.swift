import Digests
import Files
import TestSupport
import Testing

@testable import Hosts

@Suite struct KnownHostsTests {
    private let key = Self.key("ssh-ed25519", 1)

    private static func key(_ type: String, _ seed: UInt8) -> HostKey {
        func string(_ bytes: [UInt8]) -> [UInt8] { [0, 0, 0, UInt8(bytes.count)] + bytes }
        return HostKey(blob: string(Array(type.utf8)) + string([UInt8](repeating: seed, count: 32)))!
    }

    private func line(_ names: String, _ key: HostKey? = nil, marker: String = "") -> String {
        let key = key ?? self.key
        return "\(marker)\(names) \(key.type) \(Base64.encode(key.blob)) a comment\n"
    }

    private func verdict(_ text: String, host: String = "vega.example.org", port: UInt16 = 22) -> String {
        switch KnownHosts(Array(text.utf8)).check(key, of: .init(host: host, port: port, alias: nil)) {
        case .known: "known"
        case .unknown(let authority): authority.map { "vouched for in \($0)" } ?? "unknown"
        case .changed(let lines): "changed: \(lines.map(\.place).joined(separator: " "))"
        case .revoked(let line): "revoked in \(line.place)"
        }
    }

    @Test func namesMatchAsInOpenSSH() {
        #expect(verdict(line("vega.example.org")) == "known")
        #expect(verdict(line("deneb,VEGA.example.org")) == "known")
        #expect(verdict(line("*.example.org")) == "known")
        #expect(verdict(line("vega.example.???")) == "known")
        #expect(verdict(line("*.example.org,!vega.*")) == "unknown")
        #expect(verdict(line("!vega.*,*.example.org")) == "unknown")
        #expect(verdict(line("example.org")) == "unknown")
        #expect(verdict(line("[vega.example.org]:2222"), port: 2222) == "known")
        #expect(verdict(line("[vega.example.org]:2222")) == "unknown")
        #expect(verdict(line("vega.example.org"), port: 2222) == "known")
        #expect(verdict(line("[*.example.org]:2222"), port: 2222) == "known")
    }

    @Test func otherKeysMakeItChangedUnlessOneMatches() {
        let other = Self.key("ssh-ed25519", 2)
        let ecdsa = Self.key("ecdsa-sha2-nistp256", 3)
        #expect(verdict(line("vega.example.org", other)) == "changed: known_hosts:1")
        #expect(verdict(line("vega.example.org", ecdsa)) == "changed: known_hosts:1")
        #expect(verdict(line("vega.example.org", other) + line("vega.example.org")) == "known")
        #expect(verdict(line("deneb", other)) == "unknown")
    }

    @Test func aRevokedKeyIsRevokedWhateverElseIsSaid() {
        #expect(verdict(line("vega.example.org") + line("*", marker: "@revoked ")) == "revoked in known_hosts:2")
        #expect(verdict(line("*", marker: "@revoked ") + line("vega.example.org")) == "revoked in known_hosts:1")
        #expect(verdict(line("vega.example.org", marker: "@revoked "), port: 2222) == "revoked in known_hosts:1")
        #expect(
            verdict(line("vega.example.org") + line("*", Self.key("ssh-ed25519", 2), marker: "@revoked ")) == "known")
    }

    @Test func authoritiesAreToldButNotUsed() {
        #expect(verdict(line("*.example.org", marker: "@cert-authority ")) == "vouched for in known_hosts:1")
    }

    @Test func theOrderOfTypesFollowsWhatIsKnown() {
        let text = line("vega", Self.key("ssh-rsa", 1)) + line("vega") + line("*", Self.key("ecdsa-sha2-nistp256", 1))
        let name = KnownHosts.Name(host: "vega", port: 22, alias: nil)
        #expect(KnownHosts(Array(text.utf8)).types(of: name) == ["ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256"])
    }

    @Test func hashedNamesMatchThoseOfSshKeygen() throws {
        try withScratch { folder in
            let file = folder + "/known_hosts"
            try (line("vega.example.org") + line("[deneb]:2222")).write(to: file)
            try Program("ssh-keygen").run("-H", "-f", file)
            let text = try HostsTests.text(of: file)
            #expect(text.hasPrefix("|1|") && !text.contains("vega"))
            #expect(verdict(text) == "known")
            #expect(verdict(text, host: "Deneb", port: 2222) == "known")
            #expect(verdict(text, host: "altair") == "unknown")
        }
    }

    @Test func noFileCrashesTheReader() {
        var random = SystemRandomNumberGenerator()
        let good = Array(
            (line("vega.example.org") + line("*", marker: "@revoked ") + "|1|AAAA|BBBB ssh-rsa AAAA\n").utf8)
        for _ in 0..<2000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0 ... .max, using: &random)
                case 1: bytes.remove(at: at)
                default: bytes.insert(contentsOf: [0, 0xFF, 0x40, 0x7C, 0x20, 0x0A], at: at)
                }
            }
            _ = KnownHosts(bytes).check(key, of: .init(host: "vega.example.org", port: 22, alias: nil))
        }
        for text in [
            "", "@", "@revoked", "|1||", "|1|||| a b", "a b", "a ssh-ed25519 ====",
            "a ssh-rsa \(Base64.encode(key.blob))",
        ] {
            #expect(verdict(text) == "unknown")
        }
        // Many stars must not take for ever.
        #expect(verdict(line(String(repeating: "*a", count: 3000))) == "unknown")
    }

    @Test func base64AndFingerprintsAreThoseOfOpenSSH() throws {
        try withScratch { folder in
            try Program("ssh-keygen").run("-q", "-t", "ecdsa", "-N", "", "-f", folder + "/key")
            let fields = try text(of: folder + "/key.pub").split(separator: " ")
            let blob = try #require(Base64.decode(fields[1].utf8))
            #expect(Base64.encode(blob) == fields[1])
            let printed = try Program("ssh-keygen").run("-l", "-f", folder + "/key").output.split(separator: " ")
            #expect(HostKey(blob: blob)?.fingerprint == String(printed[1]))
            #expect(HostKey(blob: blob)?.kind == "ECDSA")
        }
    }
}
