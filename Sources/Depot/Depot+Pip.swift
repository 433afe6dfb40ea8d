internal import Digests
internal import Failures
internal import Files
internal import JSON
internal import Layers
internal import Metro
internal import Threads

/// Python's packages: chosen by pip itself, fetched by las, installed by pip without a network.
extension Depot {
    /// Counts up whenever the same wheels would become another layer.
    private static let version = 1

    static let options = "--no-input --disable-pip-version-check --no-cache-dir --no-color"

    // MARK: Choosing

    /// Asks pip, in the sandbox and with the network, which wheels a set of packages is. Nothing of
    /// them is run, save of source distributions, where there is no wheel.
    ///
    /// - Returns: sorted by name.
    /// - Throws: exit code 2 where pip finds none, 4 where it can't reach its index.
    ///
    /// - Parameters:
    ///   - old: whose versions are kept where they fit; nil to take the newest.
    ///   - free: names of packages that are chosen anew all the same.
    func wheels(
        for needs: PipNeeds, in environment: LockedEnvironment, keeping old: LockedEnvironment? = nil,
        besides free: Set<String> = []
    ) throws -> [LockedWheel] {
        let free = Set(free.map(PipRequirement.plain))
        let kept = (old?.wheels ?? []).filter { !free.contains(PipRequirement.plain($0.name)) }
        if !kept.isEmpty, let wheels = try? wheels(for: needs, in: environment, of: kept) { return wheels }
        return try wheels(for: needs, in: environment, of: [])
    }

    private func wheels(
        for needs: PipNeeds, in environment: LockedEnvironment, of kept: [LockedWheel]
    ) throws -> [LockedWheel] {
        let tree = try self.tree(of: try tools(Wishes.tools(of: needs), of: environment))
        observer(.progress(DepotProgress(.asking, done: 0, total: 0, what: "Python's packages")))
        return try BuildRoot.with(tree, in: lash) { root in
            let outcome = try resolve(needs, kept, in: root, "--only-binary :all:")
            if let wheels = outcome.wheels { return wheels }
            // Only where it has to be: pip runs programs of a source distribution to learn what that depends on.
            let log = String(decoding: outcome.outcome.log, as: UTF8.self)
            guard log.contains("No matching distribution found") else { throw unresolved(outcome.outcome) }
            let second = try resolve(needs, kept, in: root, "--prefer-binary")
            guard let wheels = second.wheels else { throw unresolved(second.outcome) }
            return try withBuilders(wheels, in: root)
        }
    }

    /// - Returns: nil in the place of the wheels where pip could not choose them.
    private func resolve(
        _ needs: PipNeeds, _ kept: [LockedWheel], in root: BuildRoot, _ which: String
    ) throws -> (wheels: [LockedWheel]?, outcome: BuildRoot.Outcome) {
        try Folder.withTemporary(in: lash.temporary, named: "pip") { folder in
            let work = folder + "/work"
            for name in ["work", "local"] { try Folder.make("\(folder)/\(name)") }
            try File.create(work + "/requirements.txt", needs.packages.map { $0 + "\n" }.joined())
            try File.create(work + "/constraints.txt", kept.map { "\($0.name)==\($0.version)\n" }.joined())
            let outcome = try root.run(
                pipWork(
                    "exec python3 -m pip install -q \(Self.options) --dry-run --ignore-installed \(which) --report report.json -c constraints.txt -r requirements.txt",
                    work, folder, usesNetwork: true))
            guard outcome.end.isSuccess else { return (nil, outcome) }
            return (try wheels(inReport: try File.read(work + "/report.json", atMost: 1 << 28)), outcome)
        }
    }

    func wheels(inReport text: [UInt8]) throws -> [LockedWheel] {
        var wheels: [LockedWheel] = []
        for item in try JSONText.parse(text)["install"]?.array ?? [] {
            let information = item["download_info"]?["archive_info"]
            let old = information?["hash"]?.string.flatMap { $0.hasPrefix("sha256=") ? String($0.dropFirst(7)) : nil }
            guard let name = item["metadata"]?["name"]?.string, let version = item["metadata"]?["version"]?.string,
                let address = item["download_info"]?["url"]?.string,
                let digest = (information?["hashes"]?["sha256"]?.string ?? old).flatMap({ Digest(hex: $0) })
            else {
                let name = item["metadata"]?["name"]?.string ?? "one of Python's packages"
                throw DepotFailure(
                    "the index gives no SHA-256 digest for \(Shown.whole(name))",
                    fix: "use an index that does, by PIP_INDEX_URL or pip's configuration", .integrity)
            }
            let plain = PipConfiguration.withoutCredentials(
                String(decoding: address.utf8.prefix { $0 != UInt8(ascii: "#") }, as: UTF8.self))
            let path = plain.utf8.prefix { $0 != UInt8(ascii: "?") }
            let isWheel = String(decoding: path, as: UTF8.self).ends(with: ".whl")
            let wheel = LockedWheel(
                name: name, version: version, address: plain, sha256: digest, builders: isWheel ? nil : [])
            try wheel.check()
            wheels.append(wheel)
        }
        return wheels.sorted { ($0.name, $0.version) < ($1.name, $1.version) }
    }

    private func unresolved(_ outcome: BuildRoot.Outcome) -> DepotFailure {
        let log = pip.withoutSecrets(String(decoding: outcome.log, as: UTF8.self))
        let lines = log.split(separator: "\n").filter { !$0.isEmpty }
        let errors = lines.filter { $0.hasPrefix("ERROR:") }.map { String($0.dropFirst(6)) }
        let said = errors.isEmpty ? lines.suffix(6).map(String.init) : errors
        let cause = "pip says:" + Shown.whole(said.joined(separator: ";").split(separator: "\n").joined(separator: " "))
        if ["Retrying (", "ConnectionError", "Could not fetch URL", "SSLError"].contains(where: log.contains) {
            return DepotFailure(
                "pip can't reach its index of packages", cause: cause,
                fix: "check the network, and PIP_INDEX_URL or pip's configuration if you use another index",
                .unreachable)
        }
        if log.contains("conflicting dependencies") {
            return DepotFailure(
                "these packages of pip can't be together", cause: cause,
                fix: "ask for other versions, or give stations needs of their own", .usage)
        }
        if log.contains("subprocess-exited-with-error") || log.contains("metadata-generation-failed") {
            return DepotFailure(
                "one of Python's packages has no wheel for this Python, and can't be built", cause: outcome.lastWords,
                fix: Self.needsAdvice, .usage)
        }
        return DepotFailure(
            "pip does not find all packages", cause: cause,
            fix: "check the names and versions, and that there is one for this Python", .usage)
    }

    func tools(_ names: [String], of environment: LockedEnvironment) throws(DepotFailure) -> LockedPackages {
        guard let tools = environment.tools[names.joined(separator: " ")] else {
            throw DepotFailure(
                "the lock does not say what \(names.joined(separator: ", ")) is for building", fix: update, .integrity)
        }
        return tools
    }

    // MARK: Installing

    /// Of the layer of all wheels of an environment: of all that makes it.
    func wheelDigest(of environment: LockedEnvironment) throws -> Digest {
        let tools = try tools(Wishes.tools(of: environment.needs.pip), of: environment)
        let made = environment.wheels.map { wheel in
            let builders = wheel.builders?.map(\.sha256.hex).sorted().joined(separator: " ")
            return "\(wheel.sha256) \(wheel.file ?? "")\(builders.map { " built with \($0)" } ?? "")\n"
        }.sorted().joined()
        let by = tools.packages.map(\.sha256.hex).sorted().joined(separator: "\n")
        return Digest(of: "las: layer of wheels, \(Self.version)\n\(architecture)\n\(made)by\n\(by)\n")
    }

    /// The layer of all wheels of an environment; none where there are none.
    func wheelLayers(of environment: LockedEnvironment) throws -> [Layer] {
        if environment.wheels.isEmpty { return [] }
        let tools = try tools(Wishes.tools(of: environment.needs.pip), of: environment)
        let store = LayerStore(lash: lash)
        let digest = try wheelDigest(of: environment)
        if let layer = try store.layer(digest) { return [layer] }
        let lock = try FileLock.take("\(lash.locks)/layer-\(digest)")
        defer { withExtendedLifetime(lock) {} }
        if let layer = try store.layer(digest) { return [layer] }
        try fetch(environment.wheels)
        let tree = try self.tree(of: tools)
        observer(.progress(DepotProgress(.building, done: 0, total: 0, what: "Python's packages")))
        let prepared = try store.prepare(name: "pip") { folder in
            let local = folder + "/tree/usr/local"
            try Folder.make(local)
            try Folder.withTemporary(in: lash.temporary, named: "pip") { work in
                try Folder.make(work + "/wheels")
                try BuildRoot.with(tree, in: lash) { root in
                    var lines = ""
                    for wheel in environment.wheels {
                        guard let name = wheel.file else { continue }
                        var digest = wheel.sha256
                        if wheel.builders == nil {
                            try File.copy("\(lash.root)/\(wheel.kept)", to: "\(work)/wheels/\(name)", mode: 0o644)
                        } else {
                            let made = try build(wheel, in: root, into: work + "/wheels")
                            digest = try Download.digest(of: "\(work)/wheels/\(made)")
                        }
                        lines += "\(wheel.name)==\(wheel.version) --hash=sha256:\(digest)\n"
                    }
                    try File.create(work + "/requirements.txt", lines)
                    let outcome = try root.run(
                        BuildRoot.Work(
                            commands:
                                "exec python3 -m pip install -q \(Self.options) --no-index --find-links wheels --no-deps --require-hashes --no-compile --ignore-installed -r requirements.txt",
                            folder: work, local: local, variables: Self.pipVariables))
                    guard outcome.end.isSuccess else {
                        throw DepotFailure(
                            "pip can't install the packages of the lock", cause: outcome.lastWords,
                            fix: "choose them anew: \(update)", .resources)
                    }
                }
            }
            return try BuiltTree(root: folder + "/tree", place: "usr/local").contents().entries
        }
        return try store.publish([(digest, prepared)])
    }

    private func file(of wheel: LockedWheel) -> String { "\(lash.root)/\(wheel.kept)" }

    /// What source distributions are built with too.
    func fetch(_ wheels: [LockedWheel]) throws {
        var seen: Set<String> = []
        let wheels = wheels.flatMap(\.all).filter { seen.insert($0.kept).inserted }
        let lock = try FileLock.take(lash.locks + "/fetch")
        defer { withExtendedLifetime(lock) {} }
        try Folder.make(lash.packages)
        let missing = wheels.filter { (try? Download.digest(of: file(of: $0))) != $0.sha256 }
        for wheel in missing { File.remove(file(of: wheel)) }
        if missing.isEmpty { return }
        let downloads = missing.map { wheel in
            var download = Download(
                address: pip.withCredentials(wheel.address), path: file(of: wheel), what: wheel.name,
                digest: wheel.sha256, size: nil, limit: max(0, Folder.freeDisk(at: lash.packages) - (1 << 28)))
            download.isOfWeb = !wheel.address.hasPrefix("file:")
            return download
        }
        let problems = Downloader { now in
            observer(.progress(DepotProgress(.fetching, done: now.done, total: now.total ?? 0, what: now.what)))
        }.get(downloads)
        for (wheel, problem) in zip(missing, problems) {
            guard let problem else { continue }
            let shown = Shown.whole(wheel.address)
            let reason = Shown.whole(pip.withoutSecrets(problem.reason))
            switch problem.kind {
            case .missing:
                throw DepotFailure(
                    "the index no longer has \(shown)", cause: reason, fix: "take what it has now: \(update)",
                    .unreachable)
            case .forbidden, .unreachable:
                throw DepotFailure(
                    "can't get \(shown)", cause: reason,
                    fix: "check the network, and PIP_INDEX_URL if the index asks for a password", .unreachable)
            case .wrong, .tooLarge:
                throw DepotFailure(
                    "\(shown) is not what metro.lock says", cause: reason,
                    fix: "try again later; if it was published anew, take what there is now: \(update)", .integrity)
            case .disk:
                throw DepotFailure(
                    "can't keep \(shown)", cause: reason, fix: "free some space for LASH", .resources)
            }
        }
    }
}
