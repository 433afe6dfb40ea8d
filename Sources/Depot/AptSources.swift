internal import Failures
internal import Files

/// The packing machine's apt sources, in both of apt's formats (sources.list(5)).
package struct AptSources: Sendable {
    package let sources: [AptSource]
    /// What was passed over, as sentences.
    package let warnings: [String]
    /// Keyrings whose keys may sign sources that name none.
    package let trustedKeyrings: [String]
    /// Whether the machine's apt configuration counts too (it may say that release files never expire).
    package let followsAptConfiguration: Bool

    /// The sources of this machine; `LAS_APT_SOURCES`, a file or a folder, takes their place.
    package static func ofMachine(
        environment: [String: String], architecture: Architecture
    ) throws -> AptSources {
        if let given = environment["LAS_APT_SOURCES"], !given.isEmpty {
            return try AptSources(
                files: File.status(given, follow: true)?.kind == .folder ? try files(in: given) : [given],
                architecture: architecture, followsAptConfiguration: false)
        }
        var paths = File.exists("/etc/apt/sources.list") ? ["/etc/apt/sources.list"] : []
        if File.exists("/etc/apt/sources.list.d") { paths += try files(in: "/etc/apt/sources.list.d") }
        let machine = try AptSources(files: paths, architecture: architecture, followsAptConfiguration: true)
        if machine.sources.isEmpty {
            throw DepotFailure(
                "this machine has no apt sources, so las does not know where Debian packages come from",
                place: "/etc/apt", cause: machine.warnings.first,
                fix: "set LAS_APT_SOURCES to a .list or .sources file that names an archive", .usage)
        }
        return machine
    }

    /// For who asks no archive.
    static let none = AptSources()

    private init() { (sources, warnings, trustedKeyrings, followsAptConfiguration) = ([], [], [], false) }

    package init(files: [String], architecture: Architecture, followsAptConfiguration: Bool) throws {
        var sources: [AptSource] = []
        var warnings: [String] = []
        for file in files {
            let text = try File.read(file, atMost: 1 << 24)
            let isDeb822 = file.hasSuffix(".sources")
            sources +=
                isDeb822
                ? try Self.deb822(text, file, architecture, &warnings)
                : try Self.oneLine(text, file, architecture, &warnings)
        }
        var seen: Set<AptSource> = []
        self.sources = sources.filter { seen.insert($0).inserted }
        self.warnings = warnings
        var keyrings = File.exists("/etc/apt/trusted.gpg") ? ["/etc/apt/trusted.gpg"] : []
        if let names = try? Folder.names(in: "/etc/apt/trusted.gpg.d") {
            keyrings += names.filter { $0.hasSuffix(".gpg") || $0.hasSuffix(".asc") }.map {
                "/etc/apt/trusted.gpg.d/" + $0
            }
        }
        trustedKeyrings = keyrings
        self.followsAptConfiguration = followsAptConfiguration
    }

    private static func files(in folder: String) throws -> [String] {
        try Folder.names(in: folder).filter { $0.hasSuffix(".list") || $0.hasSuffix(".sources") }.map {
            folder + "/" + $0
        }
    }

    // MARK: deb822

    private static func deb822(
        _ text: [UInt8], _ file: String, _ architecture: Architecture, _ warnings: inout [String]
    ) throws(DepotFailure) -> [AptSource] {
        var sources: [AptSource] = []
        for paragraph in try ControlText.paragraphs(of: text, place: file) {
            let place = "\(file):\(paragraph.line)"
            if let enabled = paragraph["Enabled"], isNo(enabled) { continue }
            guard paragraph.words("Types").contains("deb") else { continue }
            let uris = paragraph.words("URIs")
            let suites = paragraph.words("Suites")
            let components = paragraph.words("Components")
            guard !uris.isEmpty, !suites.isEmpty else {
                throw DepotFailure("an apt source needs URIs and Suites", place: place, .usage)
            }
            for uri in uris {
                for suite in suites {
                    let source = try make(
                        uri: uri, suite: suite, components: components,
                        options: [
                            "arch": paragraph.words("Architectures").joined(separator: ","),
                            "signed-by": paragraph["Signed-By"] ?? "", "trusted": paragraph["Trusted"] ?? "",
                            "check-valid-until": paragraph["Check-Valid-Until"] ?? "",
                        ], place: place, architecture: architecture, warnings: &warnings)
                    if let source { sources.append(source) }
                }
            }
        }
        return sources
    }

    // MARK: one line a source

    private static func oneLine(
        _ text: [UInt8], _ file: String, _ architecture: Architecture, _ warnings: inout [String]
    ) throws(DepotFailure) -> [AptSource] {
        var sources: [AptSource] = []
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            let place = "\(file):\(number + 1)"
            var words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)[...]
            guard let type = words.popFirst() else { continue }
            if type == "deb-src" { continue }
            guard type == "deb" else {
                throw DepotFailure(
                    "“deb” is expected at the beginning of the line", place: place,
                    fix: file.hasSuffix(".list") ? nil : "give files of the other format the ending .sources", .usage)
            }
            var options: [String: String] = [:]
            if words.first?.hasPrefix("[") == true {
                var inside: [String] = []
                var closed = false
                while !closed, let word = words.popFirst() {
                    closed = word.hasSuffix("]")
                    inside.append(word)
                }
                guard closed else { throw DepotFailure("the options have no “]”", place: place, .usage) }
                let list = inside.joined(separator: " ").dropFirst().dropLast()
                for option in list.split(separator: " ") {
                    let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
                    if parts.count == 2 { options[parts[0].lowercased()] = parts[1] }
                }
            }
            guard let uri = words.popFirst(), let suite = words.popFirst() else {
                throw DepotFailure("an apt source needs an address and a suite", place: place, .usage)
            }
            let source = try make(
                uri: uri, suite: suite, components: Array(words), options: options, place: place,
                architecture: architecture, warnings: &warnings)
            if let source { sources.append(source) }
        }
        return sources
    }

    // MARK: both

    private static func make(
        uri: String, suite: String, components: [String], options: [String: String], place: String,
        architecture: Architecture, warnings: inout [String]
    ) throws(DepotFailure) -> AptSource? {
        let uri = uri.replacing("$(ARCH)", with: architecture.name)
        let suite = suite.replacing("$(ARCH)", with: architecture.name)
        guard ["http://", "https://", "file:/", "copy:/"].contains(where: { uri.hasPrefix($0) }) else {
            warnings.append("\(place): las reads http, https and file archives; \(Shown.whole(uri)) is left out")
            return nil
        }
        guard suite.hasSuffix("/") == components.isEmpty else {
            throw DepotFailure(
                components.isEmpty
                    ? "the suite \(suite) needs components" : "a suite that ends with “/” has no components",
                place: place, .usage)
        }
        let safe = suite.split(separator: "/").allSatisfy { $0 != ".." } && !suite.hasPrefix("/") || suite == "/"
        guard safe, components.allSatisfy({ RelativePath($0) != nil }) else {
            throw DepotFailure("the suite or a component leaves the archive", place: place, .usage)
        }
        let architectures = options["arch"].map { $0.split(separator: ",").map(String.init) } ?? []
        if !architectures.isEmpty, !architectures.contains(architecture.name) { return nil }
        return AptSource(
            uri: (uri.hasPrefix("copy:") ? "file:" + uri.dropFirst(5) : uri) + (uri.hasSuffix("/") ? "" : "/"),
            suite: suite, components: components, architectures: architectures.isEmpty ? nil : architectures,
            signers: try signers(options["signed-by"] ?? "", place: place),
            isTrusted: isYes(options["trusted"] ?? ""),
            checksValidUntil: !isNo(options["check-valid-until"] ?? ""), place: place)
    }

    private static func signers(_ text: String, place: String) throws(DepotFailure) -> [AptSource.Signer] {
        if text.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            return [.key(lines.map { $0 == "." ? "" : String($0) }.joined(separator: "\n"))]
        }
        var signers: [AptSource.Signer] = []
        for word in text.split(whereSeparator: { $0.isWhitespace || $0 == "," }) {
            if word.hasPrefix("/") {
                signers.append(.file(String(word)))
                continue
            }
            let digits = word.hasSuffix("!") ? word.dropLast() : word
            guard digits.count >= 16, digits.allSatisfy(\.isHexDigit) else {
                throw DepotFailure(
                    "“\(word)” is neither a keyring's path nor a key's fingerprint", place: place, .usage)
            }
            signers.append(.fingerprint(digits.uppercased()))
        }
        return signers
    }

    private static func isYes(_ text: String) -> Bool {
        ["yes", "true", "1", "on", "with", "enable"].contains(text.lowercased())
    }
    private static func isNo(_ text: String) -> Bool {
        ["no", "false", "0", "off", "without", "disable"].contains(text.lowercased())
    }
}
