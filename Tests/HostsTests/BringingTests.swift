import Digests
import Failures
import Files
import Glibc
import HostProtocol
import Parts
import Synchronization
import TestSupport
import Testing

@testable import Hosts

/// The real runtime, brought to a real server, and real parts after it.
@Suite(.enabled(if: SSHServer.missing == nil, "needs OpenSSH's server and client"), .serialized)
struct BringingTests {
    /// The runtime that was built with these tests.
    private static let built: HostRuntime? = {
        guard let own = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(own) }
        return try? HostRuntime(path: File.parent(of: String(cString: own)) + "/las-runtime")
    }()
    var runtime: HostRuntime { get throws { try #require(Self.built) } }

    /// A folder with nothing but what las asks of a host.
    func barePath(in folder: String, _ more: [String: String] = [:]) throws -> String {
        let bin = folder + "/bin"
        try Folder.make(bin)
        for name in ["sh", "mkdir", "cat", "chmod", "mv"] {
            symlink(try #require(Program.find(name)), "\(bin)/\(name)")
        }
        for (name, script) in more {
            try File.write("#!/bin/sh\n\(script)\n", to: "\(bin)/\(name)", mode: 0o755)
        }
        return bin
    }

    /// A part of random bytes in las's own store.
    func makePart(in lash: LASH, size: Int) throws -> (part: Part, bytes: [UInt8]) {
        var generator = SystemRandomNumberGenerator()
        let words = (0..<size / 8).map { _ in generator.next() }
        let bytes = words.withUnsafeBytes { Array($0) }
        let extents = try ExtentList(
            stride(from: 0, to: bytes.count, by: 1 << 20).map { start in
                let slice = bytes[start..<min(start + (1 << 20), bytes.count)]
                return Extent(length: Int64(slice.count), digest: Digest(of: slice))
            })
        let part = Part(kind: .environment, name: "main", size: Int64(bytes.count), digest: extents.digest)
        let file = lash.root + "/image"
        try Folder.make(lash.root)
        try File.write(bytes, to: file)
        try PartStore(lash).add(part, extents: extents, fileAt: file)
        return (part, bytes)
    }

    /// What lies in a folder of the host's LASH, hidden files too.
    func there(_ bench: Bench, _ folder: String) -> [String] {
        (try? Folder.names(in: "\(bench.folder)/there/\(folder)")) ?? []
    }

    @Test func theRuntimeIsBroughtOnceToAHostThatHasNothing() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder, variables: ["PATH": barePath(in: folder)])
            let (runtime, connector) = (try runtime, try bench.connector(runtime: runtime))
            let sent = Mutex<Int64>(0)
            let hello = try await connector.withSession(to: bench.host) { note in
                if case .runtime(let bytes, _) = note { sent.withLock { $0 = bytes } }
            } _: { session in
                await session.hello
            }
            #expect(sent.withLock { $0 } == runtime.size)
            #expect(hello.host?.architecture == "x86_64")
            #expect(there(bench, "runtimes") == [runtime.digest.hex])
            #expect(Digest(of: try File.read("\(folder)/there/runtimes/\(runtime.digest)")) == runtime.digest)
            try await connector.withSession(to: bench.host) { _ in
                Issue.record("it was brought again")
            } _: { session in
                #expect(await session.way == .libssh2)
            }
        }
    }

    @Test func theUsersOwnSSHBringsItAsWell() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder, variables: ["PATH": barePath(in: folder)], program: .openssh)
            let way = try await bench.connector(runtime: runtime).withSession(to: bench.host) { await $0.way }
            #expect(way == .openssh)
            #expect(there(bench, "runtimes") == [try runtime.digest.hex])
        }
    }

    /// All that is started on the host goes over one connection: nobody logs in for each.
    @Test func theUsersOwnSSHLogsInOnce() async throws {
        try await withScratch { folder in
            var bench = try Bench(in: folder, program: .openssh)
            // Where the sockets of connections lie.
            try Folder.make(folder + "/run")
            bench.environment["XDG_RUNTIME_DIR"] = folder + "/run"
            let hasRoom = (folder + "/run").utf8.count < 60
            let (part, bytes) = try makePart(in: bench.lash, size: 20_000_000)
            let proxy = try DelayingProxy(to: bench.server.port, delay: 0.02)
            var far = try bench.through(proxy.port)
            far.program = .openssh
            let store = PartStore(bench.lash)
            // The first time brings the runtime, whose connection ends with it.
            try await bench.connector(runtime: runtime).withSession(to: far) { _ in }
            let before = bench.server.log.components(separatedBy: "Accepted publickey").count
            let most = Mutex(0)
            let shipped = try await bench.connector(runtime: runtime).withSession(to: far) { session in
                #expect(try !hasRoom || Folder.names(in: folder + "/run").count == 1)
                return try await session.ship([part], from: store) { _ in
                    let count = session.assumeIsolated { $0.lines.count }
                    most.withLock { $0 = max($0, count) }
                }
            }
            #expect(shipped.bytes == part.size)
            #expect(try File.read("\(folder)/there/parts/\(part.digest)") == bytes)
            #expect(most.withLock { $0 } >= 2)
            #expect(bench.server.log.components(separatedBy: "Accepted publickey").count == before + 1)
            #expect(try Folder.names(in: folder + "/run").isEmpty)
        }
    }

    @Test func missingPartsAreShippedAndOthersAreNot() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            let (part, bytes) = try makePart(in: bench.lash, size: 3_000_000)
            let (other, _) = try makePart(in: bench.lash, size: 8)
            let connector = try bench.connector(runtime: runtime)
            let store = PartStore(bench.lash)
            let last = Mutex<ShipProgress?>(nil)
            let first = try await connector.withSession(to: bench.host) { session in
                try await session.ship([part], from: store) { progress in last.withLock { $0 = progress } }
            }
            #expect(first.parts == [part] && first.bytes == part.size)
            #expect(last.withLock { $0?.sent } == part.size && last.withLock { $0?.total } == part.size)
            #expect(try File.read("\(folder)/there/parts/\(part.digest)") == bytes)
            let second = try await connector.withSession(to: bench.host) {
                try await $0.ship([part, other], from: store)
            }
            #expect(second.parts == [other])
        }
    }

    /// An image of 200 KB of data and a few hundred small files; its extents cut every 4096 bytes, and one for all tables.
    private func makeImage(in lash: LASH, tree: String, more: Int) throws -> (part: Part, bytes: [UInt8], tables: Int) {
        let (files, path) = (tree + "/files", lash.root + "/made")
        try Folder.make(files)
        try Folder.make(lash.root)
        let data = (0..<6000).flatMap { Digest(of: "\($0)").bytes }
        try File.write(data, to: tree + "/a long one")
        for number in 0..<500 + more {
            try File.write("\(number)", to: files + "/" + Digest(of: "name \(number)").hex.prefix(40))
        }
        unlink(path)
        let ended = try Program("mksquashfs").run(
            tree, path, "-comp", "zstd", "-no-xattrs", "-all-time", "0", "-quiet", "-no-progress")
        try #require(ended.status == 0, "\(ended.errors)")
        let bytes = try File.read(path)
        let start = bytes[64..<72].reversed().reduce(0) { $0 << 8 | Int($1) }
        var cuts = Array(stride(from: 0, to: start, by: 4096))
        cuts.append(start)
        let extents = try ExtentList(
            zip(cuts, cuts.dropFirst() + [bytes.count]).map {
                Extent(length: Int64($1 - $0), digest: Digest(of: bytes[$0..<$1]))
            })
        let part = Part(kind: .environment, name: "main", size: extents.size, digest: extents.digest)
        try PartStore(lash).add(part, extents: extents, fileAt: path)
        return (part, bytes, bytes.count - start)
    }

    @Test func tablesOfAnImageThatChangedALittleAreToldByWhatChanged() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            let before = try makeImage(in: bench.lash, tree: folder + "/tree", more: 0)
            let after = try makeImage(in: bench.lash, tree: folder + "/tree", more: 2)
            try #require(before.part != after.part)
            let store = PartStore(bench.lash)
            try await bench.connector(runtime: runtime).withSession(to: bench.host) { session in
                let first = try await session.ship([before.part], from: store)
                #expect(first.bytes == before.part.size)
                let second = try await session.ship([after.part], from: store)
                #expect(second.bytes < after.tables, "\(second.bytes) bytes were sent, \(after.tables) are tables")
            }
            #expect(try File.read("\(folder)/there/parts/\(after.part.digest)") == after.bytes)
        }
    }

    @Test func noMoreIsSentInASecondThanIsAllowed() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            let (part, _) = try makePart(in: bench.lash, size: 1_000_000)
            try await bench.connector(runtime: runtime).withSession(to: bench.host) { _ in }
            var connector = try bench.connector(runtime: runtime)
            connector.limit = RateLimit(500_000)
            let shipped = try await connector.withSession(to: bench.host) {
                try await $0.ship([part], from: PartStore(bench.lash))
            }
            #expect(shipped.seconds > 1.7, "\(shipped.seconds)")
        }
    }

    @Test func aConnectionCutInMidShipLeavesNothingUnderItsName() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            // So small that it goes over one channel, however long the line seems to be: of that the host has all but 2 MiB.
            let (part, _) = try makePart(in: bench.lash, size: 8_000_000)
            let (connector, store) = (try bench.connector(runtime: runtime), PartStore(bench.lash))
            try await connector.withSession(to: bench.host) { _ in }
            let proxy = try CuttingProxy(to: bench.server.port, cutAfter: 6_000_000)
            try bench.server.setKnownHosts(
                bench.server.knownHostsLine(), bench.server.knownHostsLine(names: "[127.0.0.1]:\(proxy.port)"))
            let cut = try Host(
                named: "cut", address: HostAddress("\(bench.server.user)@127.0.0.1:\(proxy.port)"),
                identity: bench.host.identity, program: .libssh2)
            let failure = await #expect(throws: HostFailure.self) {
                try await connector.withSession(to: cut) { try await $0.ship([part], from: store) }
            }
            #expect(
                failure?.kind == .cut && failure?.exitCode == .unreachable && failure?.place == "cut", "\(failure!)")
            #expect(there(bench, "parts").allSatisfy { !$0.hasPrefix(part.digest.hex) })
            let again = try await connector.withSession(to: bench.host) { try await $0.ship([part], from: store) }
            #expect(again.parts == [part])
            // What came whole is not sent again.
            #expect(again.bytes < part.size && again.bytes > 0)
            #expect(there(bench, "parts").contains(part.digest.hex))
        }
    }

    @Test func aConnectionCutWhileTheRuntimeIsBroughtLeavesNoRuntime() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            let connector = try bench.connector(runtime: runtime)
            let proxy = try CuttingProxy(to: bench.server.port, cutAfter: 500_000)
            try bench.server.setKnownHosts(
                bench.server.knownHostsLine(), bench.server.knownHostsLine(names: "[127.0.0.1]:\(proxy.port)"))
            for program in [Host.Program.libssh2, .openssh] {
                let cut = try Host(
                    named: "cut", address: HostAddress("\(bench.server.user)@127.0.0.1:\(proxy.port)"),
                    identity: bench.host.identity, program: program)
                let failure = await #expect(throws: HostFailure.self) {
                    try await connector.withSession(to: cut) { _ in }
                }
                #expect(failure?.exitCode == .unreachable, "\(failure!)")
                #expect(!there(bench, "runtimes").contains(try runtime.digest.hex))
            }
            try await connector.withSession(to: bench.host) { _ in }
        }
    }

    @Test func aRuntimeThatWasChangedOnTheHostIsNotUsed() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            let connector = try bench.connector(runtime: runtime)
            try await connector.withSession(to: bench.host) { _ in }
            let path = "\(folder)/there/runtimes/\(try runtime.digest)"
            try File.write(try File.read(path) + [0], to: path, mode: 0o755)
            let failure = await #expect(throws: HostFailure.self) {
                try await connector.withSession(to: bench.host) { _ in }
            }
            #expect(failure?.kind == .untrusted && failure?.exitCode == .integrity)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, which can mount a small disk"))
    func aFullDiskIsOneClearFailure() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            let connector = try bench.connector(runtime: runtime)
            let (part, _) = try makePart(in: bench.lash, size: 8_000_000)
            let store = PartStore(bench.lash)
            try Folder.make(folder + "/there")
            let mount = Program("mount")
            #expect(try mount.run("-t", "tmpfs", "-o", "size=2m", "las-test", folder + "/there").status == 0)
            defer { _ = try? Program("umount").run("-l", folder + "/there") }
            let runtimeFailure = await #expect(throws: HostFailure.self) {
                try await connector.withSession(to: bench.host) { _ in }
            }
            #expect(runtimeFailure?.kind == .noRoom && runtimeFailure?.exitCode == .resources, "\(runtimeFailure!)")
            #expect(there(bench, "runtimes") == [])

            let size = try runtime.size + 4_000_000
            #expect(try mount.run("-o", "remount,size=\(size)", folder + "/there").status == 0)
            let refusal = await #expect(throws: Refusal.self) {
                try await connector.withSession(to: bench.host) { try await $0.ship([part], from: store) }
            }
            #expect(refusal?.exitCode == .resources, "\(refusal!)")
            #expect(there(bench, "parts").filter { $0.contains(part.digest.hex) } == [])
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, which can mount a disk without programs"))
    func aHomeThatStartsNoProgramsIsSaid() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            try Folder.make(folder + "/there")
            #expect(try Program("mount").run("-t", "tmpfs", "-o", "noexec", "las-test", folder + "/there").status == 0)
            defer { _ = try? Program("umount").run("-l", folder + "/there") }
            let connector = try bench.connector(runtime: runtime)
            for _ in 0..<2 {
                let failure = await #expect(throws: HostFailure.self) {
                    try await connector.withSession(to: bench.host) { _ in }
                }
                #expect(failure?.kind == .unfitHost)
                #expect(failure?.summary == "the host does not start programs that lie in LASH", "\(failure!)")
            }
        }
    }

    @Test func anotherKindOfMachineIsRefusedBeforeAnythingIsSent() async throws {
        try await withScratch { folder in
            let path = try barePath(in: folder, ["uname": "echo Linux aarch64"])
            let bench = try Bench(in: folder, variables: ["PATH": path])
            let connector = try bench.connector(runtime: runtime)
            let failure = await #expect(throws: HostFailure.self) {
                try await connector.withSession(to: bench.host) { _ in }
            }
            #expect(
                failure?.summary == "the host is a aarch64 machine, and this las brings a runtime for x86_64",
                "\(failure!)")
            #expect(there(bench, "runtimes") == [])
        }
    }

    @Test func startUpFilesThatTalkAreNoHindrance() async throws {
        try await withScratch { folder in
            let bench = try Bench(
                in: folder, options: [#"ForceCommand echo Welcome; echo las-1 ready; eval "$SSH_ORIGINAL_COMMAND""#])
            let connector = try bench.connector(runtime: runtime)
            let program = try await connector.withSession(to: bench.host) { await $0.hello.program }
            #expect(program.hasPrefix("las-runtime "))
        }
    }

    @Test func anAccountThatMayNotRunCommandsIsSaid() async throws {
        try await withScratch { folder in
            let bench = try Bench(
                in: folder, options: ["ForceCommand echo This account is for files only. >&2; exit 1"])
            let connector = try bench.connector(runtime: runtime)
            let failure = await #expect(throws: HostFailure.self) {
                try await connector.withSession(to: bench.host) { _ in }
            }
            #expect(failure?.kind == .unfitHost && failure?.exitCode == .resources)
            #expect(failure?.cause == "This account is for files only.")
        }
    }

    @Test func localIsReachedByAPipe() async throws {
        try await withScratch { folder in
            let lash = LASH(root: folder + "/lash")
            let (part, _) = try makePart(in: lash, size: 100_000)
            let connector = HostConnector(
                lash: lash, runtime: try runtime, asking: .nobody, environment: ["PATH": "/usr/bin:/bin"],
                program: "las test")
            try await connector.withSession(to: .local) { session in
                #expect(await session.way == .pipe)
                #expect(await session.hello.host?.name.isEmpty == false)
                // The same LASH: nothing is to be sent.
                #expect(try await session.ship([part], from: PartStore(lash)).parts == [])
                let unknown = try #require(RunID("no-such-run"))
                await #expect(throws: Refusal.self) { try await session.fetch(unknown, into: folder + "/results") }
                await #expect(throws: Refusal.self) { try await session.follow(unknown) { _ in } }
            }
        }
    }
}
