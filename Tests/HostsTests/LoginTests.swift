import Files
import Glibc
import TestSupport
import Testing

@testable import Hosts

@Suite(.enabled(if: SSHServer.missing == nil, "needs OpenSSH's server and client"))
struct LoginTests {
    /// A program that changes the users of the machine: where another one has them locked for long, it gives up, and is tried again.
    private func change(_ program: String, _ arguments: String..., input: String = "") throws {
        let begun = ContinuousClock.now
        var ended = try Program(program).run(arguments, input: input)
        while ended.status != 0, ended.errors.contains("lock"), ContinuousClock.now - begun < .seconds(120) {
            usleep(100_000)
            ended = try Program(program).run(arguments, input: input)
        }
        #expect(ended.status == 0, "\(ended.errors)")
    }

    @Test(arguments: [SSHServer.KeyType.ed25519, .ecdsa])
    func aKeyLetsIn(_ type: SSHServer.KeyType) throws {
        try withScratch { folder in
            let bench = try Bench(in: folder, userKeys: [type], identity: type)
            let (said, reached) = try bench.reach()
            #expect(said == bench.hello)
            #expect(reached.way == .libssh2)
            #expect(bench.asked.questions.withLock { $0 }.isEmpty)
        }
    }

    @Test func anEncryptedKeyAsksForItsPassphraseUntilItIsRight() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder)
            let key = bench.server.userKey(.ed25519)
            try Program("ssh-keygen").run("-q", "-p", "-N", "open sesame", "-f", key)
            bench.asked = .init(["wrong", "open sesame"])
            #expect(try bench.reach().said == bench.hello)
            #expect(
                bench.asked.questions.withLock { $0 } == [
                    .passphrase(file: key, isAgain: false), .passphrase(file: key, isAgain: true),
                ])
            bench.asked = .init([])
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.exitCode == .unreachable)
            #expect(failure?.cause?.contains("its passphrase was not given") == true, "\(failure!)")
        }
    }

    @Test func nobodyIsAskedForThePassphraseOfAKeyThatTheHostDoesNotTake() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder)
            let stranger = folder + "/stranger"
            try Program("ssh-keygen").run("-q", "-t", "ed25519", "-N", "secret", "-f", stranger)
            bench.host.identity = stranger
            bench.asked = .init(["secret"])
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.kind == .refusedLogin && failure?.exitCode == .unreachable)
            #expect(failure?.cause == "tried: the key \(stranger) (ED25519); the host takes: publickey")
            #expect(bench.asked.questions.withLock { $0 }.isEmpty)
        }
    }

    @Test func theAgentLetsInAlsoBehindItsOtherKeys() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder, userKeys: [.ed25519, .rsa], identity: nil)
            let stranger = folder + "/stranger"
            try Program("ssh-keygen").run("-q", "-t", "ecdsa", "-N", "", "-f", stranger)
            let agent = try SSHAgent(
                in: folder, keys: [bench.server.userKey(.rsa), stranger, bench.server.userKey(.ed25519)])
            bench.environment["SSH_AUTH_SOCK"] = agent.socket
            #expect(try bench.reach().said == bench.hello)
        }
    }

    @Test func withoutAKeyThatFitsTheFailureListsWhatWasTried() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder, identity: nil)
            bench.host.identity = folder + "/missing"
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(
                failure?.cause
                    == "tried: the key \(folder)/missing (No such file or directory); the host takes: publickey")
            #expect(failure?.place == "vega")
        }
    }

    @Test func anRSAKeyIsNamedOrUsedByTheUsersOwnSSH() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder, userKeys: [.rsa], identity: .rsa)
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.cause?.contains("libssh2 can't use \(bench.server.userKey(.rsa)) (RSA)") == true)
            bench.host.program = .auto
            let (said, reached) = try bench.reach()
            #expect(said == bench.hello)
            #expect(reached.way == .openssh)
            #expect(reached.reason == "libssh2 can't log in with \(bench.server.userKey(.rsa)) (RSA)")
        }
    }

    @Test(arguments: ["beside the key", "named by the configuration"])
    func aCertificateIsNamedOrUsedByTheUsersOwnSSH(_ place: String) throws {
        try withScratch { folder in
            let (authority, keygen) = (folder + "/authority", Program("ssh-keygen"))
            try keygen.run("-q", "-t", "ed25519", "-N", "", "-f", authority)
            var bench = try Bench(in: folder, options: ["TrustedUserCAKeys \(authority).pub"])
            let (user, key) = (bench.server.user, bench.server.userKey(.ed25519))
            // The host knows nobody's key any more, only who vouches for users.
            try "".write(to: bench.server.folder + "/authorized_keys")
            try keygen.run("-q", "-s", authority, "-I", "anna", "-n", user, key + ".pub")
            var certificate = key + "-cert.pub"
            if place != "beside the key" {
                try Program("mv").run(certificate, folder + "/anna.pub")
                certificate = folder + "/anna.pub"
                let configuration = try text(of: bench.server.clientConfiguration)
                try (configuration + "\n  CertificateFile \(certificate)\n").write(
                    to: bench.server.clientConfiguration)
            }
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.cause?.contains("libssh2 can't use \(certificate) (a certificate)") == true, "\(failure!)")
            bench.host.program = .auto
            let (said, reached) = try bench.reach()
            #expect(said == bench.hello)
            #expect(reached.reason == "libssh2 can't log in with \(certificate) (a certificate)")
        }
    }

    @Test func aHostWithAnRSAKeyOnlyIsReachedByTheUsersOwnSSH() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder, hostKeys: [.rsa])
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.kind == .noCommonMethod && failure?.exitCode == .unreachable)
            bench.host.program = .auto
            let (said, reached) = try bench.reach()
            #expect(said == bench.hello)
            #expect(reached.way == .openssh)
        }
    }

    @Test func theUsersOwnSSHIsAsStrict() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder, program: .openssh)
            #expect(try bench.reach().said == bench.hello)
            try bench.server.setKnownHosts()
            #expect(throws: HostFailure.self) { try bench.reach() }
            let unknown = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(unknown?.kind == .unknownHostKey && unknown?.exitCode == .integrity)
            try bench.server.setKnownHosts(
                bench.server.knownHostsLine(), bench.server.knownHostsLine(marker: "@revoked"))
            let revoked = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(revoked?.exitCode == .integrity, "\(revoked!)")
            try bench.server.setKnownHosts(bench.server.knownHostsLine())
            bench.host.identity = nil
            let refused = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(refused?.kind == .refusedLogin)
        }
    }

    @Test func proxiesOfTheConfigurationAreLeftToTheUsersOwnSSH() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder)
            let configuration = try text(of: bench.server.clientConfiguration)
            let proxied = configuration + "\n  ProxyCommand bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & cat >&3'\n"
            try proxied.write(to: bench.server.clientConfiguration)
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.summary == "your OpenSSH configuration asks for ProxyCommand, which libssh2 can't do")
            bench.host.program = .auto
            #expect(try bench.reach().said == bench.hello)
        }
    }

    @Test func aHostBehindAnotherOneIsReachedThroughIt() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder, identity: nil)
            let text = """
                Host *
                  User \(bench.server.user)
                  IdentityFile \(bench.server.userKey(.ed25519))
                  UserKnownHostsFile \(bench.server.knownHosts)
                  GlobalKnownHostsFile /dev/null
                  ConnectTimeout 120
                Host inner
                  HostName 127.0.0.1
                  Port \(bench.server.port)
                  ProxyJump outer
                Host outer
                  HostName 127.0.0.1
                  Port \(bench.server.port)

                """
            try text.write(to: bench.server.clientConfiguration)
            bench.host = try Host(named: "vega", address: HostAddress("inner"), program: .libssh2)
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.summary.contains("asks for ProxyJump") == true, "\(failure!)")
            bench.host.program = .auto
            let (said, reached) = try bench.reach()
            #expect(said == bench.hello)
            #expect(reached.way == .openssh && reached.reason?.contains("ProxyJump") == true)
            #expect(bench.server.log.components(separatedBy: "Accepted publickey").count == 3)
        }
    }

    @Test func aHostBehindTwoOthersIsReachedThroughBoth() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder, identity: nil)
            let text = """
                Host *
                  User \(bench.server.user)
                  IdentityFile \(bench.server.userKey(.ed25519))
                  UserKnownHostsFile \(bench.server.knownHosts)
                  GlobalKnownHostsFile /dev/null
                  HostName 127.0.0.1
                  Port \(bench.server.port)
                Host inner
                  ProxyJump middle
                Host middle
                  ProxyJump outer

                """
            try text.write(to: bench.server.clientConfiguration)
            bench.host = try Host(named: "vega", address: HostAddress("inner"), program: .auto)
            let (said, reached) = try bench.reach()
            #expect(said == bench.hello)
            #expect(reached.way == .openssh && reached.reason?.contains("ProxyJump") == true)
            // Each of the three let somebody in, once.
            #expect(bench.server.log.components(separatedBy: "Accepted publickey").count == 4)
        }
    }

    /// What the system is told to do: to wait for it would take as long.
    @Test func aLineThatGoesSilentIsGivenUpWithinHalfAMinute() throws {
        try withScratch { folder in
            let bench = try Bench(in: folder)
            let waiter = try Waiter()
            let connection = try TCPConnection.open(
                host: "127.0.0.1", port: UInt16(bench.server.port), family: nil, seconds: 60, waiter: waiter)
            func option(_ level: Int32, _ name: Int32) -> Int {
                var (value, length) = (Int32(-1), socklen_t(MemoryLayout<Int32>.size))
                getsockopt(connection.descriptor, level, name, &value, &length)
                return Int(value)
            }
            let tcp = Int32(IPPROTO_TCP)
            let (isOn, idle) = (option(SOL_SOCKET, SO_KEEPALIVE), option(tcp, TCP_KEEPIDLE))
            let (interval, count) = (option(tcp, TCP_KEEPINTVL), option(tcp, TCP_KEEPCNT))
            let unanswered = option(tcp, TCP_USER_TIMEOUT)
            #expect(isOn == 1 && idle > 0 && interval > 0 && count > 0)
            #expect(idle + interval * count <= 30, "\(idle) + \(interval) × \(count)")
            #expect(1...30_000 ~= unanswered, "what is sent and not answered: \(unanswered)")
        }
    }

    @Test func namesOfTheConfigurationAreUnderstood() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder, identity: nil)
            let text = """
                Host star
                  HostName 127.0.0.1
                  Port \(bench.server.port)
                  User \(bench.server.user)
                  IdentityFile \(bench.server.userKey(.ed25519))
                  HostKeyAlias the-star
                  UserKnownHostsFile \(folder)/others "\(folder)/my known hosts"

                """
            try text.write(to: bench.server.clientConfiguration)
            try bench.server.knownHostsLine(names: "the-star").write(to: folder + "/my known hosts")
            bench.host = try Host(named: "vega", address: HostAddress("star"), program: .libssh2)
            #expect(try bench.reach().said == bench.hello)
        }
    }

    @Test func nothingAnswersWhereNothingListens() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder)
            bench.server.stop()
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.kind == .unreachable && failure?.exitCode == .unreachable)
            #expect(failure?.cause == "127.0.0.1: Connection refused")
            bench.host.program = .openssh
            let byOpenSSH = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(byOpenSSH?.kind == .unreachable, "\(byOpenSSH!)")
        }
    }

    @Test func aNameThatLeadsNowhereIsSaid() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder)
            bench.host = try Host(named: "vega", address: HostAddress("no-such-host.invalid"), program: .libssh2)
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.exitCode == .unreachable)
            #expect(failure?.summary == "the name “no-such-host.invalid” leads to no address")
        }
    }

    @Test func whatDoesNotSpeakSSHIsSaid() throws {
        try withScratch { folder in
            var bench = try Bench(in: folder)
            // It takes the connection and closes it when the first bytes come.
            let proxy = try CuttingProxy(to: bench.server.port, cutAfter: 0)
            bench.host = try Host(named: "vega", address: HostAddress("127.0.0.1:\(proxy.port)"), program: .libssh2)
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.kind == .unreachable && failure?.exitCode == .unreachable)
        }
    }

    /// As with a second factor: the host asks, and the person answers.
    @Test(
        .enabled(
            if: geteuid() == 0 && access("/etc/pam.d/sshd", R_OK) == 0,
            "needs root, which can make a user with a password, and PAM"))
    func whatTheHostAsksIsAnswered() throws {
        try withScratch { folder in
            let name = "las-asked-\(getpid())"
            try change("useradd", "-M", "-d", "/tmp", "-s", "/bin/sh", name)
            defer { _ = try? Program("userdel").run("-f", name) }
            try change("chpasswd", input: "\(name):correct horse\n")
            var bench = try Bench(
                in: folder, user: name,
                options: [
                    "UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication no",
                    "PubkeyAuthentication no",
                ],
                identity: nil)
            bench.asked = .init(["correct horse"])
            #expect(try bench.reach().said == bench.hello)
            let asked = bench.asked.questions.withLock { $0 }
            #expect(asked == [.password(account: "\(name)@127.0.0.1")], "\(asked)")
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, which can make a user with a password"))
    func aPasswordLetsInAndAWrongOneIsOneClearFailure() throws {
        try withScratch { folder in
            let name = "las-test-\(getpid())"
            try change("useradd", "-M", "-d", "/tmp", "-s", "/bin/sh", name)
            defer { _ = try? Program("userdel").run("-f", name) }
            try change("chpasswd", input: "\(name):correct horse\n")
            var bench = try Bench(
                in: folder, userKeys: [.ed25519], user: name,
                options: ["PasswordAuthentication yes", "PubkeyAuthentication yes"],
                identity: nil)
            bench.asked = .init(["correct horse"])
            #expect(try bench.reach().said == bench.hello)
            #expect(bench.asked.questions.withLock { $0 } == [.password(account: "\(name)@127.0.0.1")])
            bench.asked = .init(["battery staple"])
            let failure = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(failure?.kind == .refusedLogin && failure?.exitCode == .unreachable)
            #expect(failure?.summary == "the host does not let \(name)@127.0.0.1 in")
            #expect(failure?.cause == "tried: the password; the host takes: publickey, password")
            #expect(failure?.description.contains("battery") == false)
            bench.asked = .init([])
            let none = #expect(throws: HostFailure.self) { try bench.reach() }
            #expect(none?.cause?.contains("a password (none was given)") == true)
        }
    }
}
