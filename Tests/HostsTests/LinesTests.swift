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

/// Further channels, and a further connection, for the bytes of parts.
@Suite(.enabled(if: SSHServer.missing == nil, "needs OpenSSH's server and client"), .serialized)
struct LinesTests {
    private let bringing = BringingTests()

    /// One channel carries at most 2 MiB a way to the host and back.
    @Test(arguments: [[], ["MaxSessions 2"], ["MaxSessions 3"]])
    func aLongLineIsFilledBySeveralChannels(_ options: [String]) async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder, options: options)
            let (part, bytes) = try bringing.makePart(in: bench.lash, size: 40_000_000)
            let (second, _) = try bringing.makePart(in: bench.lash, size: 9_000_000)
            let proxy = try DelayingProxy(to: bench.server.port, delay: 0.05)
            let (far, store) = (try bench.through(proxy.port), PartStore(bench.lash))
            let (shipped, most) = try await bench.connector(runtime: bringing.runtime).withSession(to: far) { session in
                let most = Mutex(0)
                let shipped = try await session.ship([part, second], from: store) { _ in
                    let count = session.assumeIsolated { $0.lines.count }
                    most.withLock { $0 = max($0, count) }
                }
                // The connection is of use afterwards.
                _ = try await session.ship([part], from: store)
                return (shipped, most.withLock { $0 })
            }
            #expect(shipped.bytes == part.size + second.size)
            #expect(try File.read("\(folder)/there/parts/\(part.digest)") == bytes)
            switch options {
            case []: #expect(most == Lines.most)
            case ["MaxSessions 3"]: #expect(most == 2)
            default: #expect(most == 0)
            }
            // Channels that the host did not allow all of end by themselves.
            let ended = ContinuousClock.now
            while !bringing.there(bench, "tmp").isEmpty, ContinuousClock.now - ended < .seconds(120) {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(bringing.there(bench, "tmp").isEmpty)
        }
    }

    @Test func whatIsRefusedIsToldOverSeveralChannelsToo() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            let (part, _) = try bringing.makePart(in: bench.lash, size: 40_000_000)
            let store = PartStore(bench.lash)
            // Damaged here: the host refuses what comes in its middle, and says so.
            let path = "\(bench.lash.parts)/\(part.digest)"
            var damaged = try File.read(path)
            damaged[20_000_000] ^= 1
            #expect(chmod(path, 0o644) == 0)
            try File.write(damaged, to: path)
            let proxy = try DelayingProxy(to: bench.server.port, delay: 0.03)
            let far = try bench.through(proxy.port)
            let (other, _) = try bringing.makePart(in: bench.lash, size: 16)
            try await bench.connector(runtime: bringing.runtime).withSession(to: far) { session in
                let refusal = await #expect(throws: Refusal.self) { try await session.ship([part], from: store) }
                #expect(refusal?.exitCode == .integrity, "\(refusal!)")
                // The conversation goes on.
                let then = try await session.ship([other], from: store)
                #expect(then.parts == [other])
            }
            #expect(!bringing.there(bench, "parts").contains(part.digest.hex))
        }
    }

    /// What libssh2 does not read of the configuration keeps the user's own program out.
    @Test(arguments: [true, false])
    func manyBytesGoOverAConnectionOfOnesOwnSSHWhereItGetsIn(getsIn: Bool) async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder, program: .auto)
            if !getsIn {
                let file = bench.server.clientConfiguration
                try (text(of: file) + "\n  KexAlgorithms diffie-hellman-group14-sha1\n").write(to: file)
            }
            let (part, _) = try bringing.makePart(in: bench.lash, size: 300_000)
            let lash = bench.lash
            try await bench.connector(runtime: bringing.runtime).withSession(to: bench.host) { session in
                #expect(await session.way == .libssh2)
                try await session.openCarrier(for: 1 << 30)
                #expect(await session.lineCount == (getsIn ? 1 : 0))
                #expect(try await session.ship([part], from: PartStore(lash)).parts == [part])
                #expect(try await session.ship([part], from: PartStore(lash)).parts == [])
                #expect(await session.lineCount == 0)
            }
            #expect(PartStore(LASH(root: folder + "/there")).has(part.digest))
        }
    }
}

extension HostSession {
    var lineCount: Int { lines.count }
}
