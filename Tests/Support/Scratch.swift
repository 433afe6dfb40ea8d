internal import Files

/// A fresh folder for one test, removed afterwards.
package func withScratch<Result>(_ name: String = "test", _ body: (String) throws -> Result) throws -> Result {
    try Folder.withTemporary(in: "/tmp/las-tests", named: name, body)
}

/// Programs of a host that the test had may still write into it, and end by themselves.
private func remove(_ folder: String) async throws {
    let begun = ContinuousClock.now
    while true {
        do { return try Folder.remove(folder) } catch {
            if ContinuousClock.now - begun > .seconds(60) { throw error }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// The same for a body that waits.
package func withScratch<Result>(
    _ name: String = "test", isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> Result
) async throws -> Result {
    let folder = try Folder.makeTemporary(in: "/tmp/las-tests", named: name)
    do {
        let result = try await body(folder)
        try await remove(folder)
        return result
    } catch {
        try? Folder.remove(folder)
        throw error
    }
}
