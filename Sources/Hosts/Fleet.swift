/// Several hosts at once.
package struct Fleet: Sendable {
    package let connector: HostConnector
    package let hosts: [Host]
    /// How many are worked with at the same time.
    package let width: Int

    /// Where nothing else is said.
    package static let usualWidth = 8

    package init(_ connector: HostConnector, hosts: [Host], width: Int = usualWidth) {
        (self.connector, self.hosts, self.width) = (connector, hosts, max(1, width))
    }

    package struct Outcome<Value: Sendable>: Sendable {
        package let host: Host
        package let result: Result<Value, any Error>
    }

    /// Does the same on each host.
    /// - Returns: an outcome for every host, in the order given: no failure hides another.
    package func onEach<Value: Sendable>(
        note: @escaping @Sendable (Host, ConnectionNote) -> Void = { _, _ in },
        _ body: @escaping @Sendable (HostSession) async throws -> Value
    ) async -> [Outcome<Value>] {
        await withTaskGroup(of: (Int, Result<Value, any Error>).self) { group in
            var results: [Result<Value, any Error>?] = Array(repeating: nil, count: hosts.count)
            var next = 0
            func begin() {
                guard next < hosts.count else { return }
                let (index, host) = (next, hosts[next])
                next += 1
                group.addTask {
                    do {
                        return (
                            index, .success(try await connector.withSession(to: host, note: { note(host, $0) }, body))
                        )
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            for _ in 0..<width { begin() }
            for await (index, result) in group {
                results[index] = result
                begin()
            }
            return zip(hosts, results).compactMap { host, result in result.map { Outcome(host: host, result: $0) } }
        }
    }
}
