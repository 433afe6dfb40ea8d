internal import CSolv
internal import Failures
internal import Glibc
internal import Metro

/// What is meant by names, versions and suites.
extension PackageSolver {
    /// What is to be installed, as libsolv has it.
    struct Job {
        let how: Int32
        let what: Id
    }

    func job(of request: DebianRequest) throws(DepotFailure) -> Job {
        let name = pool_str2id(pool, request.name, 0)
        let found = name == 0 ? [] : versions(of: name)
        if found.isEmpty {
            let providers = name == 0 ? [] : providers(of: name)
            if !providers.isEmpty {
                throw missing(
                    request.name, near: [], "\(request.name) is a name that several packages stand for, not a package",
                    fix: "name one of them: \(providers.prefix(6).joined(separator: ", "))")
            }
            throw missing(
                request.name, near: names(near: request.name),
                "no apt source of this machine has a package \(request.name)")
        }
        if request.versions == .any, request.suite == nil { return Job(how: SOLVER_SOLVABLE_NAME, what: name) }
        let all = providing(name).filter { $0.pointee.name == name && pool_installable(pool, $0) != 0 }
        let ofSuite = all.filter { solvable in
            guard let suite = request.suite else { return true }
            let index = solvable.pointee.repo.flatMap { indexes[$0.pointee.repoid] }
            return index?.archive.suite == suite || index?.suites.contains(suite) == true
        }
        if ofSuite.isEmpty {
            let suites = Set(all.compactMap { $0.pointee.repo.flatMap { indexes[$0.pointee.repoid]?.archive.suite } })
            throw missing(
                request.name, near: [],
                "no apt source of this machine has \(request.name) in the suite \(Shown.whole(request.suite ?? ""))",
                fix:
                    "there is \(suites.sorted().joined(separator: ", ")); a suite is added to the machine's apt sources"
            )
        }
        let fitting = ofSuite.filter { isWanted(String(cString: pool_id2str(pool, $0.pointee.evr)), request.versions) }
        if fitting.isEmpty {
            throw missing(
                request.name, near: [],
                "no apt source of this machine has \(request.name) in the version \(Self.text(request.versions))",
                fix: "there is \(found.joined(separator: ", "))")
        }
        var queue = Queue()
        queue_init(&queue)
        defer { queue_free(&queue) }
        for solvable in fitting { queue_push(&queue, pool_solvable2id(pool, solvable)) }
        return Job(how: SOLVER_SOLVABLE_ONE_OF, what: pool_queuetowhatprovides(pool, &queue))
    }

    private func isWanted(_ version: String, _ versions: DebianRequest.Versions) -> Bool {
        switch versions {
        case .any: return true
        case .exactly(let wanted): return version == wanted
        case .beginning(let start):
            // People leave the epoch out.
            let bare = version.utf8.firstIndex(of: UInt8(ascii: ":")).map {
                String(version[version.index(after: $0)...])
            }
            return version.hasPrefix(start) || bare?.hasPrefix(start) == true
        case .relation(let relation, let other):
            let order = pool_evrcmp_str(pool, version, other, EVRCMP_COMPARE)
            return switch relation {
            case ">=": order >= 0
            case "<=": order <= 0
            case ">": order > 0
            default: order < 0
            }
        }
    }

    private static func text(_ versions: DebianRequest.Versions) -> String {
        switch versions {
        case .any: "any"
        case .exactly(let version): version
        case .beginning(let start): start + "*"
        case .relation(let relation, let version): "\(relation)\(version)"
        }
    }

    func missing(_ name: String, near: [String], _ summary: String, fix: String? = nil) -> DepotFailure {
        let suggestion = near.isEmpty ? nil : "did you mean \(near.joined(separator: ", "))?"
        guard !unreachable.isEmpty else {
            return DepotFailure(summary, fix: fix ?? suggestion ?? "look the name up: apt-cache search \(name)", .usage)
        }
        return DepotFailure(
            summary, cause: "can't be reached: \(unreachable.joined(separator: ", "))",
            fix: fix ?? suggestion ?? "check the network: one of these archives may have it", .unreachable)
    }

    func versions(of name: Id) -> [String] {
        providing(name).filter { $0.pointee.name == name && pool_installable(pool, $0) != 0 }
            .map { String(cString: pool_id2str(pool, $0.pointee.evr)) }
    }

    private func providers(of name: Id) -> [String] {
        Set(providing(name).map { String(cString: pool_id2str(pool, $0.pointee.name)) }).sorted()
    }

    /// Every package provides its own name too.
    func providing(_ name: Id) -> [UnsafeMutablePointer<Solvable>] {
        var list = pool_whatprovides_ptr(pool, name)
        var found: [UnsafeMutablePointer<Solvable>] = []
        while let id = list?.pointee, id != 0 {
            if let solvable = pool_id2solvable(pool, id) { found.append(solvable) }
            list = list?.advanced(by: 1)
        }
        return found
    }

    /// Up to three names: the nearest by spelling, then those that begin so.
    private func names(near name: String) -> [String] {
        let sought = Array(name.utf8)
        let limit = max(1, (sought.count + 1) / 3)
        var candidates: Set<String> = []
        var longer: Set<String> = []
        for id in 2..<pool.pointee.nsolvables {
            guard let solvable = pool_id2solvable(pool, id), solvable.pointee.repo != nil,
                let text = pool_id2str(pool, solvable.pointee.name)
            else { continue }
            let length = strlen(text)
            if abs(length - sought.count) <= limit, text[0] == CChar(sought[0]) {
                candidates.insert(String(cString: text))
            }
            if length > sought.count, strncmp(text, name, sought.count) == 0 { longer.insert(String(cString: text)) }
        }
        let nearest = Suggestion.nearest(to: name, among: candidates).map { [$0] } ?? []
        return Array((nearest + longer.sorted().filter { !nearest.contains($0) }).prefix(3))
    }
}
