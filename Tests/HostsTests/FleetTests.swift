import Failures
import Files
import Parts
import TestSupport
import Testing

@testable import Hosts

/// Several hosts, shipped to at once.
@Suite(.enabled(if: SSHServer.missing == nil, "needs OpenSSH's server and client"), .serialized)
struct FleetTests {
    private let bringing = BringingTests()

    /// Who is being shipped to.
    private actor Inside {
        private var count = 0
        private(set) var most = 0
        func enter() {
            count += 1
            most = max(most, count)
        }
        func leave() { count -= 1 }
    }

    @Test func noMoreHostsThanStatedAreShippedToAtOnceAndAllAreServed() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            let (part, _) = try bringing.makePart(in: bench.lash, size: 300_000)
            let (inside, width, lash) = (Inside(), 2, bench.lash)
            let hosts = Array(repeating: bench.host, count: 5)
            let fleet = Fleet(try bench.connector(runtime: bringing.runtime), hosts: hosts, width: width)
            let outcomes = await fleet.onEach { session in
                await inside.enter()
                // As many as are let in do meet.
                let end = ContinuousClock.now + .seconds(600)
                while await inside.most < width, ContinuousClock.now < end {
                    try await Task.sleep(for: .milliseconds(5))
                }
                _ = try await session.ship([part], from: PartStore(lash))
                let have = try await session.ship([part], from: PartStore(lash))
                await inside.leave()
                return have.parts.isEmpty
            }
            #expect(await inside.most == width)
            #expect(try outcomes.map { try $0.result.get() } == Array(repeating: true, count: hosts.count))
        }
    }

    @Test func severalHostsFailEachForItself() async throws {
        try await withScratch { folder in
            let bench = try Bench(in: folder)
            let down = try Host(
                named: "down", address: HostAddress("127.0.0.1:\(SSHServer.freePort())"), program: .libssh2)
            let fleet = Fleet(
                try bench.connector(runtime: bringing.runtime), hosts: [down, bench.host, .local, down, bench.host],
                width: 2)
            let outcomes = await fleet.onEach { session in session.host.name }
            #expect(outcomes.map(\.host.name) == ["down", "vega", "local", "down", "vega"])
            let names = outcomes.map { outcome in
                switch outcome.result {
                case .success(let name): name
                case .failure(let error): "\((error as? HostFailure)?.exitCode ?? .done)"
                }
            }
            #expect(names == ["unreachable", "vega", "local", "unreachable", "vega"])
        }
    }
}
