internal import Files
internal import Foundation

/// The programs that `make build` made, as a user has them.
package enum BuiltPrograms {
    /// `$LAS_BIN`, else the release folder of this checkout.
    package static let folder: String = {
        if let given = ProcessInfo.processInfo.environment["LAS_BIN"], !given.isEmpty { return given }
        return checkout + "/.build/release"
    }()

    package static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().path

    package static let las = folder + "/las"
    package static let runtime = folder + "/las-runtime"
    package static var templates: String { checkout + "/bundle-templates" }

    package static var areThere: Bool { File.exists(las) && File.exists(runtime) }

    /// One LASH for all tests, so that packages are fetched and built once.
    package static let lash: String = {
        let given = ProcessInfo.processInfo.environment["LAS_TEST_LASH"] ?? ""
        return given.isEmpty ? "/tmp/las-tests-lash" : given
    }()
}

/// `las` as a user runs it: in a folder, with a LASH, and an environment that holds nothing else of interest.
package struct LasCommand {
    package let folder: String
    package let lash: String
    package var variables: [String: String] = [:]
    /// What it is started by, in the place of nothing.
    package var prefix: [String] = []
    /// Whether runs may take what earlier ones have made. Not in the LASH of all tests, where nobody knows what those were.
    package var reuses: Bool

    package init(in folder: String, lash: String = BuiltPrograms.lash) {
        (self.folder, self.lash, reuses) = (folder, lash, lash != BuiltPrograms.lash)
    }

    @discardableResult
    package func callAsFunction(_ arguments: String..., input: String = "") throws -> Program.Ended {
        try self(arguments, input: input)
    }

    @discardableResult
    package func callAsFunction(_ arguments: [String], input: String = "") throws -> Program.Ended {
        var environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder, "LASH": lash,
        ]
        environment["LAS_TEMPLATES"] = BuiltPrograms.templates
        environment.merge(variables) { $1 }
        var arguments = arguments
        if !reuses, let command = arguments.first, ["run", "deploy"].contains(command) {
            arguments.insert("--fresh", at: 1)
        }
        let words = prefix + [BuiltPrograms.las] + arguments
        return try Program(words[0], environment: environment, folder: folder).run(
            Array(words.dropFirst()), input: input)
    }
}

/// A LASH of a test's own that finds packages and layers in the one of all tests.
package func makeLash(in folder: String, named name: String = "lash") throws -> String {
    let lash = "\(folder)/\(name)"
    try Folder.make(lash)
    for shared in ["packages", "layers", "archives", "locks"] {
        try Folder.make("\(BuiltPrograms.lash)/\(shared)")
        try FileManager.default.createSymbolicLink(
            atPath: "\(lash)/\(shared)", withDestinationPath: "\(BuiltPrograms.lash)/\(shared)")
    }
    return lash
}
