import Files
import Glibc
import TestSupport
import Testing

@testable import Hosts

/// A real server shows its keys; what `known_hosts` says decides.
@Suite(.enabled(if: SSHServer.missing == nil, "needs OpenSSH's server and client"))
struct HostKeyTests {
    @Test func anUnknownKeyIsRefusedUntilItIsAccepted() async throws {
        try await withScratch { folder in
            var bench = try Bench(in: folder, known: false)
            bench.host = try Host(
                named: "vega", address: bench.host.address!, identity: bench.host.identity, lash: "/scratch/my las",
                program: .libssh2)
            let fingerprint = try bench.server.fingerprint()
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.kind == .unknownHostKey && failure?.exitCode == .integrity)
            #expect(failure?.summary == "the host's key is not known yet: ED25519 \(fingerprint)")
            let command =
                "las host add vega \(bench.server.address) --accept-key \(fingerprint) --identity \(bench.server.userKey(.ed25519)) --host-lash '/scratch/my las' --ssh libssh2"
            #expect(failure?.fix?.hasSuffix(command) == true, "\(failure!)")

            let connector = try bench.connector()
            let wrong = "SHA256:" + String(repeating: "A", count: 43)
            let refused = await #expect(throws: HostFailure.self) { try await connector.accept(wrong, of: bench.host) }
            #expect(refused?.exitCode == .integrity && refused?.cause?.contains(fingerprint) == true)
            #expect(!File.exists(bench.lash.knownHosts))
            await #expect(throws: HostFailure.self) { try await connector.accept("MD5:aa", of: bench.host) }

            #expect(try await connector.accept(fingerprint, of: bench.host).kind == "ED25519")
            #expect(try bench.reach().said == bench.hello)
            #expect(
                String(decoding: try File.read(bench.lash.knownHosts), as: UTF8.self)
                    == (try bench.server.knownHostsLine()))
        }
    }

    @Test func anyOfTheHostsKeysCanBeAccepted() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder, known: false)
            let key = try await bench.connector().accept(try bench.server.fingerprint(.ecdsa), of: bench.host)
            #expect(key.kind == "ECDSA")
            // From then on the host is asked for that key.
            #expect(try bench.reach().said == bench.hello)
        }
    }

    @Test(arguments: ["hashed", "*", "127.0.0.?", "[127.0.0.*]:*,!vega"])
    func theNameMayBeHashedOrAPattern(_ names: String) throws {
        try withScratch { folder in
            let bench = try Bench(in: folder)
            if names == "hashed" {
                try Program("ssh-keygen").run("-q", "-H", "-f", bench.server.knownHosts)
                #expect(try text(of: bench.server.knownHosts).hasPrefix("|1|"))
            } else {
                try bench.server.setKnownHosts(bench.server.knownHostsLine(names: names))
            }
            #expect(try bench.reach().said == bench.hello)
        }
    }

    @Test func aNegatedPatternMakesItUnknown() throws {
        try withScratch { folder in
            let bench = try Bench(in: folder)
            try bench.server.setKnownHosts(
                bench.server.knownHostsLine(names: "*,![127.0.0.1]:\(bench.server.port),!127.0.0.1"))
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.kind == .unknownHostKey)
        }
    }

    @Test func aChangedKeyIsRefusedWithBothFingerprints() throws {
        try withScratch { folder in
            let bench = try Bench(in: folder)
            try Folder.make(folder + "/other")
            let other = try SSHServer(in: folder + "/other", hostKeys: [.ed25519])
            let name = "[127.0.0.1]:\(bench.server.port)"
            try bench.server.setKnownHosts(other.knownHostsLine(names: name))
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.kind == .changedHostKey && failure?.exitCode == .integrity)
            #expect(failure?.description.contains(try bench.server.fingerprint()) == true)
            #expect(failure?.description.contains("\(try other.fingerprint()) (\(bench.server.knownHosts):1)") == true)
        }
    }

    @Test func aRevokedKeyIsRefusedAlsoWhereItIsKnown() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            try bench.server.setKnownHosts(
                bench.server.knownHostsLine(), bench.server.knownHostsLine(names: "*", marker: "@revoked"))
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.kind == .revokedHostKey && failure?.exitCode == .integrity)
            #expect(failure?.cause == "revoked in \(bench.server.knownHosts):2")
            let fingerprint = try bench.server.fingerprint()
            let connector = try bench.connector()
            let accepting = await #expect(throws: HostFailure.self) {
                try await connector.accept(fingerprint, of: bench.host)
            }
            #expect(accepting?.kind == .revokedHostKey)
        }
    }

    @Test func aCertificateAuthorityIsSaidOrLeftToTheUsersOwnSSH() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder)
            // The host's key, signed by an authority that known_hosts trusts.
            let authority = folder + "/authority"
            try Program("ssh-keygen").run("-q", "-t", "ed25519", "-N", "", "-f", authority)
            let signed = try Program("ssh-keygen").run(
                "-q", "-s", authority, "-I", "vega", "-h", "-n", "127.0.0.1", bench.server.hostKey(.ed25519) + ".pub")
            #expect(signed.status == 0, "\(signed.errors)")
            bench.server.stop()
            bench = try Bench(
                in: folder + "/second",
                options: [
                    "HostCertificate \(bench.server.hostKey(.ed25519))-cert.pub",
                    "HostKey \(bench.server.hostKey(.ed25519))",
                ], known: false)
            let fields = try text(of: authority + ".pub")
            try bench.server.setKnownHosts("@cert-authority [127.0.0.1]:* \(fields)")
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.exitCode == .integrity)
            #expect(
                failure?.cause == "the certificate authority in \(bench.server.knownHosts):1 can't be used by libssh2")
            bench.host.program = .auto
            let (said, reached) = try bench.reach()
            #expect(said == bench.hello)
            #expect(reached.way == .openssh)
        }
    }
}
