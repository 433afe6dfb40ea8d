internal import Failures
internal import Files
internal import Glibc
internal import Terminal

/// What every command has at hand.
struct Context: Sendable {
    let environment: [String: String]
    let lash: LASH
    let terminal: Terminal
    /// The path of the running `las`, links resolved.
    let program: String

    /// The static runtime that goes into every bundle: beside `las` where it was built, in `libexec/las` where installed.
    func runtime() throws(UsageFailure) -> String {
        try packed("las-runtime", into: "bundle", named: "LAS_RUNTIME")
    }

    /// The static program that goes into every image: it releases the Jobs of a run in a cluster.
    func conductor() throws(UsageFailure) -> String {
        try packed("las-conductor", into: "image", named: "LAS_CONDUCTOR")
    }

    private func packed(_ name: String, into what: String, named variable: String) throws(UsageFailure) -> String {
        let folder = File.parent(of: program)
        let candidates = [environment[variable], "\(folder)/../libexec/las/\(name)", "\(folder)/\(name)"]
        for candidate in candidates.compactMap({ $0 }) where File.status(candidate, follow: true)?.kind == .file {
            return candidate
        }
        throw UsageFailure(
            "\(name), which goes into every \(what), is not where it should be, beside \(program)",
            fix: "install las again (make install), or name it in \(variable)")
    }

    /// Where `bundle-templates` lies: `share/las` where installed, else above the build folder.
    func templates() throws(UsageFailure) -> String {
        var folder = File.parent(of: program)
        let candidates = [environment["LAS_TEMPLATES"], "\(folder)/../share/las/bundle-templates"]
        for candidate in candidates.compactMap({ $0 }) where File.status(candidate, follow: true)?.kind == .folder {
            return candidate
        }
        while folder != "/" {
            if File.status(folder + "/bundle-templates", follow: true)?.kind == .folder {
                return folder + "/bundle-templates"
            }
            folder = File.parent(of: folder)
        }
        throw UsageFailure(
            "the folder bundle-templates is not where it should be",
            fix: "install las again (make install), or name it in LAS_TEMPLATES")
    }

    /// The templates' names, sorted.
    func templateNames() throws -> [String] {
        let folder = try templates()
        return try Folder.names(in: folder).filter { File.exists("\(folder)/\($0)/metro.yml") }
    }

    static func ofProcess() -> Context {
        var environment: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { environment[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        return Context(
            environment: environment, lash: LASH.ofUser(environment: environment),
            terminal: Terminal(environment: environment), program: resolved("/proc/self/exe"))
    }

    func with(_ invocation: Invocation) -> Context {
        Context(
            environment: environment, lash: invocation.value("--lash").map { LASH(root: Self.absolute($0)) } ?? lash,
            terminal: Terminal(
                environment: environment, isQuiet: invocation.has("--quiet"), tellsJSON: invocation.has("--json")),
            program: program)
    }

    static func absolute(_ path: String) -> String {
        path.begins(with: "/") ? path : resolved(".") + "/" + path
    }

    private static func resolved(_ path: String) -> String {
        guard let text = realpath(path, nil) else { return path }
        defer { free(text) }
        return String(cString: text)
    }
}
