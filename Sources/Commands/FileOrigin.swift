internal import Failures
internal import Files
internal import Layers
internal import Parts
internal import Unpacking

/// Which package brought a file of an environment, and which need brought the package: from dpkg's own records there.
struct FileOrigin {
    let contents: BundleContents
    let environment: PlacedPart
    /// Packages' names, with the names that they depend on.
    private let depends: [String: [String]]
    private let provides: [String: [String]]

    init(_ contents: BundleContents, _ environment: PlacedPart) throws {
        (self.contents, self.environment) = (contents, environment)
        var (depends, provides): ([String: [String]], [String: [String]]) = ([:], [:])
        let status = try contents.read("var/lib/dpkg/status", of: environment) ?? []
        var name = ""
        for line in String(decoding: status, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
            guard let colon = line.firstIndex(of: ":"), line.first != " " else { continue }
            let value = line[line.index(after: colon)...]
            switch line[..<colon] {
            case "Package": name = value.trimmed
            case "Depends", "Pre-Depends": depends[name, default: []] += Self.names(in: value)
            case "Provides": for other in Self.names(in: value) { provides[other, default: []].append(name) }
            default: continue
            }
        }
        (self.depends, self.provides) = (depends, provides)
    }

    /// `libc6 (>= 2.36), a | b:any` as names.
    private static func names(in list: Substring) -> [String] {
        list.split { $0 == "," || $0 == "|" }.map { item in
            String(item.trimmed.prefix { $0 != " " && $0 != "(" && $0 != ":" && $0 != "[" })
        }.filter { !$0.isEmpty }
    }

    /// - Parameter path: absolute.
    /// - Returns: nil where the environment has no such file.
    func words(for path: String) throws -> String? {
        let listing = try contents.listing(of: environment)
        let wanted = path.pathNames.joined(separator: "/")
        let isThere = listing.entries.contains { $0.path.utf8.elementsEqual(wanted.utf8) }
        let rule = isThere ? nil : ruleThatLeftOut(wanted)
        guard isThere || rule != nil else { return nil }
        let spellings = Self.spellings(of: "/" + wanted)
        let owners = listing.entries.map(\.path).filter {
            $0.begins(with: "var/lib/dpkg/info/") && $0.ends(with: ".list")
        }
        .filter { list in
            let text = (try? contents.read(list, of: environment)) ?? []
            return String(decoding: text, as: UTF8.self).split(separator: "\n").contains {
                spellings.contains(String($0))
            }
        }
        .map { String($0.dropFirst("var/lib/dpkg/info/".count).dropLast(".list".count).prefix { $0 != ":" }) }
        let here = "the environment \(Shown.text(environment.part.name))"
        if let rule {
            guard let owner = owners.first else { return nil }
            return Shown.whole("\(here): of \(owner), and left out of the image (\(rule)); “slim: no” keeps it")
        }
        guard let owner = owners.first else {
            if let words = try wordsOfLocal(wanted, listing) { return Shown.whole("\(here): \(words)") }
            return "\(here): made when its packages were configured; no package brings it"
        }
        let version = contents.packages(of: environment.part.name).first { $0.name == owner }?.version ?? ""
        let chain = chain(to: owner)
        let why =
            switch chain.count {
            case 0: "part of the base that every environment has"
            case 1: "which the metro needs"
            default:
                "which \(chain.dropLast().reversed().map { Shown.text($0) }.joined(separator: " depends on, which ")) depends on, which the metro needs"
            }
        let more = owners.count > 1 ? " (and of \(Amounts.count(owners.count - 1, "other package")))" : ""
        return Shown.whole("\(here): of \(owner) \(version)".trimmed + "\(more), \(why)")
    }

    private func ruleThatLeftOut(_ path: String) -> String? {
        let rules = Set(contents.leftOut(of: environment.part.name).map(\.rule))
        guard let rule = RelativePath(path).flatMap(SlimRules.standard.rule)?.name, rules.contains(rule) else {
            return nil
        }
        return rule
    }

    /// What lies in `/usr/local` is no package's: Python's index, an archive, a commit or the packing machine brought it.
    private func wordsOfLocal(_ path: String, _ listing: ImageListing) throws -> String? {
        guard path.begins(with: "usr/local/"),
            !listing.entries.contains(where: { $0.path == path && $0.kind == .folder })
        else { return nil }
        for record in listing.entries.map(\.path)
        where record.begins(with: "usr/local/lib/") && record.ends(with: ".dist-info/RECORD") {
            let folder = record.pathNames.dropLast(2)
            let text = (try? contents.read(record, of: environment)) ?? []
            for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
                var names = Array(folder)
                for name in String(line.prefix { $0 != "," }).pathNames {
                    if name == ".." { _ = names.popLast() } else { names.append(name) }
                }
                guard names.joined(separator: "/").utf8.elementsEqual(path.utf8) else { continue }
                let package = record.pathNames.dropLast().last?.dropLast(".dist-info".count) ?? ""
                return "of Python's package \(package.split(separator: "-").joined(separator: " ")), by pip"
            }
        }
        let needs = Dictionary(
            contents.needs(of: environment.part.name).map { ($0.kind, $0.words) }, uniquingKeysWith: { $1 })
        if path.begins(with: "usr/local/lib/las-host/") { return "copied from the machine where it was packed" }
        let built =
            (needs["archive"] ?? []) + (needs["git"] ?? [])
            + (needs["host"] ?? []).map { "\($0) of the packing machine" }
        return built.isEmpty ? nil : "of what was built or copied: \(built.joined(separator: ", "))"
    }

    /// The same path as packages from before the merge of /bin into /usr/bin name it.
    private static func spellings(of path: String) -> Set<String> {
        var spellings: Set<String> = [path]
        for folder in ["bin", "sbin", "lib", "lib64"] where path.begins(with: "/usr/\(folder)/") {
            spellings.insert(String(path.dropFirst("/usr".count)))
        }
        return spellings
    }

    /// The shortest way from a need to the package, the need first; empty where no need leads there.
    private func chain(to package: String) -> [String] {
        let asked = contents.needs(of: environment.part.name).flatMap(\.words).map { word in
            String(word.prefix { !"=<>:/ ".contains($0) })
        }
        var before: [String: String] = [:]
        var queue = asked
        var seen = Set(asked)
        var next = 0
        while next < queue.count {
            let name = queue[next]
            next += 1
            if name == package {
                var chain = [name]
                while let above = before[chain[0]] { chain.insert(above, at: 0) }
                return chain
            }
            for other in depends[name] ?? [] {
                for real in [other] + (provides[other] ?? []) where depends[real] != nil || real == package {
                    if seen.insert(real).inserted {
                        before[real] = name
                        queue.append(real)
                    }
                }
            }
        }
        return []
    }
}

extension StringProtocol {
    /// Without blanks at either end.
    fileprivate var trimmed: String {
        var text = Substring(self)
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
