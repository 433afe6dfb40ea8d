internal import Files

/// A fresh folder for one test, removed afterwards.
package func withScratch<Result>(_ name: String = "test", _ body: (String) throws -> Result) throws -> Result {
    try Folder.withTemporary(in: "/tmp/las-tests", named: name, body)
}

/// The same for a body that waits.
package func withScratch<Result>(
    _ name: String = "test", isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> Result
) async throws -> Result {
    let folder = try Folder.makeTemporary(in: "/tmp/las-tests", named: name)
    do {
        let result = try await body(folder)
        try Folder.remove(folder)
        return result
    } catch {
        try? Folder.remove(folder)
        throw error
    }
}
