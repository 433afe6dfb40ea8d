import Digests
import Files
import Glibc
import Testing

@testable import Depot

/// A Debian archive made for one test, with a key of its own: a folder that `file:` addresses or a server can offer.
struct TinyArchive {
    struct Package {
        var name: String
        var version = "1.0"
        /// Further fields, `Depends: x`.
        var fields: [String] = []
        /// The package file; a few bytes that are none where the test gets no further than the lock.
        var file: [UInt8]? = nil
    }

    /// In the base of every environment; names are enough to solve.
    static let base = PackageSolver.base.map { Package(name: $0) }

    let folder: String
    let architecture: Architecture
    var root: String { folder + "/archive" }
    private var home: String { folder + "/gnupg" }
    var keyring: String { folder + "/key.gpg" }
    private var suite: String { root + "/dists/tiny" }

    init(in folder: String, _ packages: [Package] = TinyArchive.base, release: [String] = []) throws {
        self.folder = folder
        architecture = try Architecture.ofThisMachine()
        try Folder.make(home, mode: 0o700)
        try Self.tool(
            "gpg",
            [
                "--homedir", home, "--batch", "--passphrase", "", "--quick-generate-key", "Tiny <tiny@example.org>",
                "ed25519", "sign", "never",
            ], in: folder)
        try Self.tool("gpg", ["--homedir", home, "--batch", "--yes", "--output", keyring, "--export"], in: folder)
        try write(packages, release: release)
        try sign()
    }

    func end() { _ = try? Program.run("gpgconf", ["--homedir", home, "--kill", "all"], folder: folder) }

    func write(_ packages: [Package], release: [String] = []) throws {
        var text = ""
        for package in packages {
            let name = "pool/\(package.name)_\(package.version)_all.deb"
            let file = package.file ?? Array(package.name.utf8)
            try Folder.make(root + "/pool")
            try File.write(file, to: "\(root)/\(name)")
            text += "Package: \(package.name)\nVersion: \(package.version)\nArchitecture: all\n"
            text += package.fields.map { $0 + "\n" }.joined()
            text += "Filename: \(name)\nSize: \(file.count)\nSHA256: \(Digest(of: file))\nDescription: tiny\n\n"
        }
        let index = "main/binary-\(architecture)/Packages"
        try Folder.make(File.parent(of: "\(suite)/\(index)"))
        try File.write(text, to: "\(suite)/\(index)")
        let lines =
            [
                "Suite: tiny", "Date: Sat, 11 Jul 2026 10:16:37 UTC", "Architectures: \(architecture)",
                "Components: main",
            ] + release
            + ["SHA256:", " \(Digest(of: text)) \(text.utf8.count) \(index)"]
        try File.write(lines.map { $0 + "\n" }.joined(), to: suite + "/Release")
    }

    func sign() throws {
        let start = ["--homedir", home, "--batch", "--yes", "--output"]
        try Self.tool("gpg", start + [suite + "/InRelease", "--clearsign", suite + "/Release"], in: folder)
        try Self.tool("gpg", start + [suite + "/Release.gpg", "--detach-sign", suite + "/Release"], in: folder)
    }

    /// Changes a file of the suite's folder.
    func change(_ name: String, _ body: (String) -> String) throws {
        let path = suite + "/" + name
        try File.write(body(String(decoding: try File.read(path), as: UTF8.self)), to: path)
    }

    func remove(_ name: String) { File.remove(suite + "/" + name) }

    /// A depot with a fresh LASH that knows this archive alone.
    func depot(
        options: String? = nil, uri: String? = nil, more: String = "", allowsUnsigned: Set<String> = [],
        observer: @escaping DepotObserver = { _ in }
    ) throws -> Depot {
        let list = folder + "/tiny.list"
        try File.write(
            "deb [\(options ?? "signed-by=\(keyring)")] \(uri ?? "file:\(root)") tiny main\n\(more)\n", to: list)
        let sources = try AptSources.ofMachine(environment: ["LAS_APT_SOURCES": list], architecture: architecture)
        return Depot(
            lash: LASH(root: folder + "/lash"), sources: sources, architecture: architecture,
            allowsUnsigned: allowsUnsigned, observer: observer)
    }

    static func tool(_ name: String, _ arguments: [String], in folder: String) throws {
        var result = try Program.run(name, arguments, folder: folder)
        // It waits five seconds for the agent that it starts: too short a time for a machine that is very busy.
        for _ in 0..<20
        where result.status != 0 && String(decoding: result.errors, as: UTF8.self).contains("agent") {
            usleep(500_000)
            result = try Program.run(name, arguments, folder: folder)
        }
        try #require(result.status == 0, "\(name): \(String(decoding: result.errors, as: UTF8.self))")
    }
}

/// Lends a tiny archive, and ends its key's agent.
func withTinyArchive(
    _ packages: [TinyArchive.Package] = TinyArchive.base, release: [String] = [],
    _ body: (TinyArchive) async throws -> Void
) async throws {
    let folder = try Folder.makeTemporary(in: "/tmp/las-tests", named: "depot")
    defer { try? Folder.remove(folder) }
    let archive = try TinyArchive(in: folder, packages, release: release)
    defer { archive.end() }
    try await body(archive)
}

/// The failure of `body`, which must be the depot's.
func failure(_ body: () async throws -> Void) async throws -> DepotFailure {
    do { try await body() } catch let failure as DepotFailure { return failure }
    throw DepotFailure("nothing failed", .done)
}
