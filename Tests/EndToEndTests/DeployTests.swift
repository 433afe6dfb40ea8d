import Files
import Foundation
import TestSupport
import Testing

/// A bare host: an ssh server, a LASH of its own, and a PATH with nothing but the five programs that las asks for.
struct BareHost {
    let server: SSHServer
    let lash: String
    let name: String

    init(
        in folder: String, named name: String = "lab", lash: String? = nil, userKeys: [SSHServer.KeyType] = [.ed25519],
        options: [String] = []
    )
        throws
    {
        self.name = name
        for inside in ["server", "bin"] { try Folder.make("\(folder)/\(inside)") }
        for program in ["sh", "mkdir", "cat", "chmod", "mv"] {
            let real = try #require(Program.find(program))
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/bin/\(program)", withDestinationPath: real)
        }
        self.lash = lash ?? folder + "/host-lash"
        server = try SSHServer(
            in: folder + "/server", userKeys: userKeys, variables: ["PATH": folder + "/bin", "LASH": self.lash],
            options: options)
        try server.setKnownHosts(server.knownHostsLine())
    }

    /// las as the user of this host's keys.
    func las(in folder: String, lash: String) -> LasCommand {
        var las = LasCommand(in: folder, lash: lash)
        las.variables["LAS_SSH_CONFIG"] = server.clientConfiguration
        return las
    }

    @discardableResult
    func add(_ las: LasCommand, address: String? = nil, _ more: String...) throws -> Program.Ended {
        try las(
            [
                "host", "add", name, address ?? server.address, "--identity", server.userKey(.ed25519), "--host-lash",
                lash,
            ] + more)
    }

    /// Nothing half-made lies under a name that counts, and no file of a part was left behind: once what took parts there
    /// has noticed that its connection is gone.
    func hasOnlyWholeParts() throws -> Bool {
        for _ in 0..<1200 {
            if try hasOnlyWholePartsNow() { return true }
            usleep(50_000)
        }
        return false
    }

    private func hasOnlyWholePartsNow() throws -> Bool {
        guard File.exists(lash + "/parts") else { return true }
        let names = try Folder.names(in: lash + "/parts")
        return names.filter { !$0.hasSuffix(".extents") && $0.count == 64 }.allSatisfy {
            names.contains($0 + ".extents")
        }
            && names.allSatisfy { $0.replacingOccurrences(of: ".extents", with: "").count == 64 }
    }
}

@Suite(.serialized, .enabled(if: SSHServer.missing == nil, "sshd and its tools are needed")) struct DeployTests {
    private func bench(_ body: (_ folder: String, _ host: BareHost, _ las: LasCommand) throws -> Void) throws {
        try withScratch { folder in
            let host = try BareHost(in: folder)
            let las = host.las(in: folder, lash: try makeLash(in: folder))
            try las("new", "hello", "m")
            try body(folder, host, las)
        }
    }

    @Test func aMetroRunsOnABareHost() throws {
        try bench { folder, host, las in
            let added = try host.add(las)
            #expect(added.status == 0, "\(added.errors)")
            let listed = try las("host", "list", "--check")
            #expect(listed.status == 0 && listed.output.contains("lab"), "\(listed.output)\(listed.errors)")
            let first = try las("deploy", "m", "--host", "lab")
            #expect(first.status == 0, "\(first.errors)")
            #expect(
                try String(decoding: File.read(folder + "/results/hello/hello.txt"), as: UTF8.self).hasPrefix("Hello"))
            // What the host has is not sent again, and a run that went well leaves the parts and what tells of it.
            let second = try las("deploy", "m", "--host", "lab")
            #expect(second.errors.contains("0 parts, 0 B, 2 parts it had already"), "\(second.errors)")
            let record = ["journal", "logs", "plan.json", "start.json"]
            for run in try Folder.names(in: host.lash + "/runs") {
                var left = try Folder.names(in: "\(host.lash)/runs/\(run)")
                // It puts the rest away while who waited for the run's end has its results already.
                for _ in 0..<1200 where left != record {
                    usleep(50_000)
                    left = try Folder.names(in: "\(host.lash)/runs/\(run)")
                }
                #expect(left == record)
            }
            #expect(try host.hasOnlyWholeParts())
            #expect(try las("host", "remove", "lab").status == 0)
            #expect(try las("deploy", "m", "--host", "lab").status == 2)
        }
    }

    @Test func aStationThatIsTooLargeIsToldEarly() throws {
        try bench { folder, host, las in
            #expect(try host.add(las).status == 0)
            try File.write(
                """
                metro: large
                lines:
                  one:
                    - { station: s, command: date, out: d, uses: { cpus: 4000 } }
                """, to: folder + "/large.yml")
            let checked = try las("check", "large.yml")
            #expect(checked.status == 0)
            #expect(
                checked.errors.contains(
                    "note: the station s wants 4000 cpus, and the largest host that las knows has"),
                "\(checked.errors)")
            let deployed = try las("deploy", "large.yml", "--host", "lab")
            #expect(deployed.status == 6)
            #expect(deployed.errors.contains("the station s wants 4000 cpus, and lab has"), "\(deployed.errors)")
            #expect(!deployed.errors.contains("shipping"), "\(deployed.errors)")
            // One that nothing is known of may be large enough.
            #expect(try las("host", "remove", "lab").status == 0)
            #expect(
                try las("host", "add", "vega", "me@vega.example.org", "--unchecked").status == 0)
            #expect(try !las("check", "large.yml").errors.contains("4000"))
        }
    }

    /// Its keeper has put two small files into its LASH.
    @Test func aHostMayDemandATrustedSignature() throws {
        try bench { folder, host, las in
            #expect(try host.add(las).status == 0)
            try Folder.make(host.lash + "/trusted")
            try File.write(#"{"signature": "required"}"#, to: host.lash + "/policy.json")
            let refusal = "lab starts only what is signed by a key that it trusts"
            let metro = try las("deploy", "m", "--host", "lab")
            #expect(metro.status == 5 && metro.errors.contains(refusal), "\(metro.errors)")
            #expect(metro.errors.contains("las sign NAME.las, then las deploy NAME.las --host lab"), "\(metro.errors)")
            #expect(!metro.errors.contains("shipping"), "told before anything is sent: \(metro.errors)")
            #expect(try las("pack", "m", "--output", "x.las").status == 0)
            #expect(try las("deploy", "x.las", "--host", "lab").status == 5)

            #expect(try las("key", "new", "anna").status == 0)
            #expect(try las("sign", "x.las").status == 0)
            let unknown = try las("deploy", "x.las", "--host", "lab")
            #expect(unknown.status == 5, "\(unknown.errors)")
            #expect(unknown.errors.contains("which it does not trust"), "\(unknown.errors)")
            #expect(unknown.errors.contains("\(host.lash)/trusted/NAME.pub"), "\(unknown.errors)")
            #expect(!File.exists(host.lash + "/runs") && !File.exists(folder + "/results"))

            try File.write(try File.read(folder + "/lash/keys/anna.pub"), to: host.lash + "/trusted/anna.pub")
            let trusted = try las("deploy", "x.las", "--host", "lab")
            #expect(trusted.status == 0, "\(trusted.errors)")
            #expect(File.exists(folder + "/results/hello/hello.txt"))
            // What is not what was signed: the same environment with another metro in it, and other commands' folders.
            #expect(try las("deploy", "m", "--host", "lab").status == 5)
            #expect(try las("each", "wc -w {each}", "m/metro.yml", "--host", "lab").status == 5)
            // A policy that can't be read is no open door.
            try File.write("{}", to: host.lash + "/policy.json")
            let broken = try las("deploy", "x.las", "--host", "lab")
            #expect(
                broken.status == 5 && broken.errors.contains("the policy of this LASH can't be read"),
                "\(broken.errors)")
            // The policy is the host's: here the same bundle runs, and so does one's own metro.
            #expect(try las("run", "m").status == 0)
        }
    }

    /// A bit that the disk of this machine has lost is told of this machine, and made good by the next time.
    @Test func whatIsDamagedHereIsNotSentTwice() throws {
        try bench { folder, host, las in
            #expect(try host.add(las).status == 0)
            #expect(try las("pack", "m", "--output", "x.las").status == 0)
            let blocks = "\(las.lash)/blocks/\(try Folder.names(in: las.lash + "/blocks")[0])"
            var bytes = try File.read(blocks)
            bytes[99] ^= 1
            try File.create(blocks, bytes)
            let damaged = try las("deploy", "m", "--host", "lab")
            #expect(damaged.status == 5 && damaged.errors.contains(blocks), "\(damaged.errors)")
            #expect(try host.hasOnlyWholeParts())
            let again = try las("deploy", "m", "--host", "lab")
            #expect(again.status == 0, "\(again.errors)")
        }
    }

    @Test func anUnknownKeyIsRefusedAndAccepted() throws {
        try bench { folder, host, las in
            try host.server.setKnownHosts("")
            let refused = try host.add(las)
            #expect(refused.status == 5)
            #expect(refused.errors.contains(try host.server.fingerprint()))
            #expect(refused.errors.contains("--accept-key SHA256:"), "\(refused.errors)")
            let accepted = try las(
                "host", "add", "lab", host.server.address, "--identity", host.server.userKey(.ed25519), "--host-lash",
                host.lash,
                "--accept-key", try host.server.fingerprint())
            #expect(accepted.status == 0, "\(accepted.errors)")
            #expect(try las("deploy", "m", "--host", "lab").status == 0)
        }
    }

    @Test func changedAndRevokedKeysAreRefused() throws {
        try bench { _, host, las in
            try host.add(las)
            let other = try String(decoding: File.read(host.server.userKey(.ed25519) + ".pub"), as: UTF8.self).split(
                separator: " ")
            try host.server.setKnownHosts("[127.0.0.1]:\(host.server.port) \(other[0]) \(other[1])\n")
            let changed = try las("deploy", "m", "--host", "lab")
            #expect(changed.status == 5)
            #expect(changed.errors.contains("another key"), "\(changed.errors)")
            try host.server.setKnownHosts(
                try host.server.knownHostsLine(), try host.server.knownHostsLine(names: "*", marker: "@revoked"))
            let revoked = try las("deploy", "m", "--host", "lab")
            #expect(revoked.status == 5)
            #expect(revoked.errors.contains("revoked"), "\(revoked.errors)")
        }
    }

    @Test func aHostThatIsDown() throws {
        try bench { folder, host, las in
            try host.add(las)
            host.server.stop()
            let down = try las("deploy", "m", "--host", "lab")
            #expect(down.status == 4)
            #expect(down.errors.contains("refused") || down.errors.contains("Connection"), "\(down.errors)")
            #expect(!File.exists(folder + "/results"))
        }
    }

    @Test func aKeyThatTheHostDoesNotTake() throws {
        try bench { folder, host, las in
            try Program("ssh-keygen").run("-q", "-t", "ed25519", "-N", "", "-f", folder + "/other")
            let refused = try las("host", "add", "lab", host.server.address, "--identity", folder + "/other")
            #expect(refused.status == 4)
            #expect(refused.errors.contains("does not let"), "\(refused.errors)")
            #expect(try las("host", "list", "--names").lines == ["local"])
        }
    }

    @Test(.enabled(if: geteuid() == 0, "a small tmpfs needs root")) func aFullDiskOnTheHost() throws {
        try withScratch { folder in
            try Folder.make(folder + "/small")
            // Room for the runtime, not for the environment.
            try #require(
                try Program("mount").run("-t", "tmpfs", "-o", "size=20m", "tmpfs", folder + "/small").status == 0)
            defer { _ = try? Program("umount").run("-l", folder + "/small") }
            let host = try BareHost(in: folder, lash: folder + "/small/lash")
            let las = host.las(in: folder, lash: try makeLash(in: folder))
            try las("new", "hello", "m")
            try host.add(las)
            let full = try las("deploy", "m", "--host", "lab")
            #expect(full.status == 6, "\(full.errors)")
            #expect(full.errors.contains("No space left") || full.errors.contains("space"), "\(full.errors)")
            #expect(try host.hasOnlyWholeParts())
            #expect(!File.exists(folder + "/results"))
        }
    }

    @Test func aConnectionThatIsCutWhileShipping() throws {
        try bench { folder, host, las in
            #expect(try host.add(las).status == 0)
            let proxy = try CuttingProxy(to: host.server.port, cutAfter: 3 << 20)
            try host.server.setKnownHosts(
                try host.server.knownHostsLine(), try host.server.knownHostsLine(names: "[127.0.0.1]:\(proxy.port)"))
            #expect(
                try host.add(las, address: "\(host.server.user)@127.0.0.1:\(proxy.port)", "--unchecked").status == 0)
            let cut = try las("deploy", "m", "--host", "lab")
            #expect(cut.status == 4, "\(cut.errors)")
            #expect(cut.errors.contains("connection"), "\(cut.errors)")
            #expect(try host.hasOnlyWholeParts())
            #expect(!File.exists(folder + "/results"))
            #expect(try host.add(las).status == 0)
            let again = try las("deploy", "m", "--host", "lab")
            #expect(again.status == 0, "\(again.errors)")
        }
    }

    @Test func aConnectionThatIsCutWhileResultsComeIsGoneOnWith() throws {
        try bench { folder, host, las in
            try Folder.make(folder + "/large")
            try File.write(
                """
                metro: large
                lines:
                  one:
                    - station: make
                      command: mkdir -p {out}; head -c 12000000 /dev/urandom > {out}/noise; sha256sum < {out}/noise > {out}/sum
                      out: made/

                """, to: folder + "/large/metro.yml")
            // None of them lets all of it through.
            let proxies = try [
                CuttingProxy(to: host.server.port, coming: 6 << 20),
                CuttingProxy(to: host.server.port, coming: 9 << 20),
            ]
            try host.server.setKnownHosts(
                (proxies.map(\.port) + [host.server.port]).map {
                    try host.server.knownHostsLine(names: "[127.0.0.1]:\($0)")
                }.joined())
            func add(_ port: Int) throws {
                let added = try host.add(las, address: "\(host.server.user)@127.0.0.1:\(port)", "--unchecked")
                try #require(added.status == 0, "\(added.errors)")
            }
            try add(proxies[0].port)
            let cut = try las("deploy", "large", "--host", "lab")
            #expect(cut.status == 4, "\(cut.errors)")
            let run = try #require(cut.errors.firstMatch(of: #/running (\S+) on /#)?.1)
            #expect(try Folder.names(in: folder + "/results") == [".las-results.\(run)"])
            try add(proxies[1].port)
            let fetched = try las("fetch", String(run))
            #expect(fetched.status == 0, "\(fetched.errors)")
            #expect(try Folder.names(in: folder + "/results") == ["make"])
            let made = folder + "/results/make/made"
            let compared = try Program("sh").run("-c", "sha256sum < '\(made)/noise' | cmp - '\(made)/sum'")
            #expect(compared.status == 0, "\(compared.output)")
        }
    }
}
