internal import Files

/// A fresh folder for one test, removed afterwards.
package func withScratch<Result>(_ name: String = "test", _ body: (String) throws -> Result) throws -> Result {
    try Folder.withTemporary(in: "/tmp/las-tests", named: name, body)
}
