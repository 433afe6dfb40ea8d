internal import CSolv
internal import Digests
internal import Failures
internal import Glibc
internal import Metro

/// Chooses packages with libsolv: what was asked for, all that it depends on, and nothing that is merely recommended.
struct PackageSolver {
    /// In every environment, also in one without needs: a shell, the tools that commands are made of, and what sets them up.
    static let base = [
        "base-files", "base-passwd", "bash", "coreutils", "dash", "diffutils", "dpkg", "findutils", "grep", "gzip",
        "libc-bin", "mawk", "sed", "tar",
    ]
    /// Taken where one of several must be there.
    private static let favourites = ["mawk", "usr-is-merged"]

    private final class Holder {
        let pool: UnsafeMutablePointer<Pool>
        /// What may be taken of all that there is.
        let considered = UnsafeMutablePointer<Map>.allocate(capacity: 1)

        init(_ pool: UnsafeMutablePointer<Pool>) {
            self.pool = pool
            map_init(considered, pool.pointee.nsolvables)
            map_setall(considered)
        }

        deinit {
            pool_free(pool)
            map_free(considered)
            considered.deallocate()
        }
    }

    private let holder: Holder
    private var pool: UnsafeMutablePointer<Pool> { holder.pool }
    private var indexes: [Int32: Archives.Index] = [:]
    /// Names of packages marked Essential, sorted.
    private let essentials: [String]
    private let unreachable: [String]
    /// Names taken before others that could stand in for them.
    private var favoured: [Id] = []

    init(_ offer: Archives.Offer, architecture: Architecture) throws(DepotFailure) {
        guard let pool = pool_create() else { throw DepotFailure("libsolv has no memory", .resources) }
        pool_setdisttype(pool, Int32(DISTTYPE_DEB))
        pool_setarch(pool, architecture.name)
        unreachable = offer.unreachable
        var essentials: Set<String> = []
        for index in offer.indexes {
            guard let repo = repo_create(pool, index.archive.name) else { continue }
            indexes[repo.pointee.repoid] = index
            // A package of such a suite is taken where it is asked for, or where no other suite has it.
            if index.isByRequest { repo.pointee.priority = -1 }
            essentials.formUnion(Self.essentials(in: index.text))
            let code = index.text.withUnsafeBytes { bytes -> Int32 in
                guard let stream = fmemopen(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count - 1, "r")
                else {
                    return index.text.count == 1 ? 0 : -1
                }
                defer { fclose(stream) }
                return repo_add_debpackages(repo, stream, 0)
            }
            if code != 0 {
                throw DepotFailure(
                    "can't read the packages of \(index.archive.name)", cause: String(cString: pool_errstr(pool)),
                    .integrity)
            }
        }
        self.essentials = essentials.sorted()
        pool_addfileprovides(pool)
        pool_createwhatprovides(pool)
        holder = Holder(pool)
        favoured = Self.favourites.map { pool_str2id(pool, $0, 0) }.filter { $0 != 0 } + realNamesOfOthers()
    }

    /// Names of packages that other packages provide too: the package of the name itself comes first, as apt has it.
    private func realNamesOfOthers() -> [Id] {
        var names: Set<Id> = []
        for id in 2..<pool.pointee.nsolvables {
            guard let solvable = pool_id2solvable(pool, id), solvable.pointee.repo != nil,
                let list = pool_whatprovides_ptr(pool, solvable.pointee.name)
            else { continue }
            var place = list
            while place.pointee != 0 {
                if let other = pool_id2solvable(pool, place.pointee), other.pointee.name != solvable.pointee.name {
                    names.insert(solvable.pointee.name)
                    break
                }
                place += 1
            }
        }
        return names.sorted()
    }

    /// Leaves only these versions of these packages to be chosen, where they are still there.
    ///
    /// - Parameter free: names of which any version may be taken.
    func pin(_ packages: [LockedPackage], besides free: Set<String>) {
        let digests = Set(packages.filter { !free.contains($0.name) }.map { "\($0.name) \($0.version)" })
        let names = Set(packages.map(\.name)).subtracting(free)
        var others: [String: [Id]] = [:]
        var found: Set<String> = []
        for id in 2..<pool.pointee.nsolvables {
            guard let solvable = pool_id2solvable(pool, id), solvable.pointee.repo != nil else { continue }
            let name = String(cString: pool_id2str(pool, solvable.pointee.name))
            guard names.contains(name) else { continue }
            if digests.contains("\(name) \(String(cString: pool_id2str(pool, solvable.pointee.evr)))") {
                found.insert(name)
            } else {
                others[name, default: []].append(id)
            }
        }
        for name in found {
            for id in others[name] ?? [] { holder.considered.pointee.map[Int(id >> 3)] &= ~(1 << UInt8(id & 7)) }
        }
        pool.pointee.considered = holder.considered
    }

    func unpin() {
        map_setall(holder.considered)
        pool.pointee.considered = nil
    }

    /// - Parameter requests: none for the base alone, without the packages that are merely marked Essential.
    /// - Returns: the packages sorted by name.
    /// - Throws: exit code 2 for names that no archive has and for sets that can't be together; 4 where an archive that
    ///   could not be reached may have them.
    func solve(_ requests: [DebianRequest], recommends: Bool = false) throws(DepotFailure) -> [LockedPackage] {
        var wanted: [Job] = []
        for request in requests { wanted.append(try job(of: request)) }
        for name in Self.base + (requests.isEmpty ? [] : essentials) {
            let id = pool_str2id(pool, name, 0)
            if id != 0, !versions(of: id).isEmpty {
                wanted.append(Job(how: SOLVER_SOLVABLE_NAME, what: id))
            } else if !essentials.contains(name) {
                throw missing(
                    name, near: [], "the base of every environment needs the package \(name), and no archive has it")
            }
        }
        // libsolv does not care which of `a | b` it takes; people who write dependencies put first what they mean.
        var favoured = favoured
        var ids = try solve(wanted, favouring: favoured, requests, recommends)
        for _ in 1...12 {
            let known = Set(favoured)
            let better = firstAlternatives(passedOverIn: ids).filter { !known.contains($0) }
            if better.isEmpty { break }
            favoured += better
            ids = try solve(wanted, favouring: favoured, requests, recommends)
        }
        var chosen: [(index: Archives.Index, solvable: UnsafeMutablePointer<Solvable>, digest: Digest)] = []
        for id in ids { chosen.append(try identify(id)) }
        let sizes = try sizes(of: chosen.map { ($0.index, $0.digest) })
        var packages: [LockedPackage] = []
        for one in chosen {
            packages.append(try package(one.solvable, of: one.index, one.digest, size: sizes[one.digest]))
        }
        return packages.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
    }

    /// - Returns: the solvables that are to be installed, ascending.
    private func solve(
        _ wanted: [Job], favouring: [Id], _ requests: [DebianRequest], _ recommends: Bool
    ) throws(DepotFailure) -> [Id] {
        var job = Queue()
        queue_init(&job)
        defer { queue_free(&job) }
        for one in wanted { queue_push2(&job, SOLVER_INSTALL | one.how, one.what) }
        for id in favouring { queue_push2(&job, SOLVER_FAVOR | SOLVER_SOLVABLE_NAME, id) }
        guard let solver = solver_create(pool) else { throw DepotFailure("libsolv has no memory", .resources) }
        defer { solver_free(solver) }
        solver_set_flag(solver, SOLVER_FLAG_IGNORE_RECOMMENDED, recommends ? 0 : 1)
        if solver_solve(solver, &job) != 0 { throw unsolvable(solver, requests) }
        return (2..<pool.pointee.nsolvables).filter { solver_get_decisionlevel(solver, $0) > 0 }
    }

    /// The names that stand first in dependencies of the form `a | b` where something that stands later was taken.
    private func firstAlternatives(passedOverIn ids: [Id]) -> [Id] {
        let chosen = Set(ids)
        let favourites = Set(Self.favourites.map { pool_str2id(pool, $0, 0) })
        var names: [Id] = []
        var dependencies = Queue()
        queue_init(&dependencies)
        defer { queue_free(&dependencies) }
        for id in ids {
            guard let solvable = pool_id2solvable(pool, id) else { continue }
            for marker: Id in [-1, 1] {
                solvable_lookup_deparray(solvable, Id(SOLVABLE_REQUIRES.rawValue), &dependencies, marker)
                for dependency in UnsafeBufferPointer(start: dependencies.elements, count: Int(dependencies.count)) {
                    let alternatives = alternatives(of: dependency)
                    if alternatives.contains(where: { favourites.contains(name(of: $0)) }) { continue }
                    guard alternatives.count > 1, let first = alternatives.first(where: { !providing($0).isEmpty })
                    else {
                        continue
                    }
                    let providers = providing(first)
                    if providers.contains(where: { chosen.contains(pool_solvable2id(pool, $0)) }) { continue }
                    let own = name(of: first)
                    let real = Set(providers.map(\.pointee.name))
                    if real.contains(own) {
                        names.append(own)
                    } else if real.count == 1 {
                        names += real
                    }
                }
            }
        }
        return Set(names).sorted()
    }

    private static let relation = UInt32(0x8000_0000)

    private func alternatives(of dependency: Id) -> [Id] {
        guard UInt32(bitPattern: dependency) & Self.relation != 0 else { return [dependency] }
        let relation = pool.pointee.rels[Int(UInt32(bitPattern: dependency) ^ Self.relation)]
        return relation.flags == REL_OR
            ? alternatives(of: relation.name) + alternatives(of: relation.evr) : [dependency]
    }

    /// A dependency's name without its version and its architecture.
    private func name(of dependency: Id) -> Id {
        guard UInt32(bitPattern: dependency) & Self.relation != 0 else { return dependency }
        return name(of: pool.pointee.rels[Int(UInt32(bitPattern: dependency) ^ Self.relation)].name)
    }

    // MARK: Names

    /// What is to be installed, as libsolv has it.
    private struct Job {
        let how: Int32
        let what: Id
    }

    private func job(of request: DebianRequest) throws(DepotFailure) -> Job {
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

    private func missing(_ name: String, near: [String], _ summary: String, fix: String? = nil) -> DepotFailure {
        let suggestion = near.isEmpty ? nil : "did you mean \(near.joined(separator: ", "))?"
        guard !unreachable.isEmpty else {
            return DepotFailure(summary, fix: fix ?? suggestion ?? "look the name up: apt-cache search \(name)", .usage)
        }
        return DepotFailure(
            summary, cause: "can't be reached: \(unreachable.joined(separator: ", "))",
            fix: fix ?? suggestion ?? "check the network: one of these archives may have it", .unreachable)
    }

    private func versions(of name: Id) -> [String] {
        providing(name).filter { $0.pointee.name == name && pool_installable(pool, $0) != 0 }
            .map { String(cString: pool_id2str(pool, $0.pointee.evr)) }
    }

    private func providers(of name: Id) -> [String] {
        Set(providing(name).map { String(cString: pool_id2str(pool, $0.pointee.name)) }).sorted()
    }

    /// Every package provides its own name too.
    private func providing(_ name: Id) -> [UnsafeMutablePointer<Solvable>] {
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

    // MARK: Results

    private func identify(
        _ id: Id
    ) throws(DepotFailure) -> (index: Archives.Index, solvable: UnsafeMutablePointer<Solvable>, digest: Digest) {
        guard let solvable = pool_id2solvable(pool, id), let repo = solvable.pointee.repo,
            let index = indexes[repo.pointee.repoid]
        else { throw DepotFailure("libsolv chose a package of no archive", .integrity) }
        var type: Id = 0
        let checksum = solvable_lookup_checksum(solvable, Id(SOLVABLE_CHECKSUM.rawValue), &type).map {
            String(cString: $0)
        }
        guard type == Id(REPOKEY_TYPE_SHA256.rawValue), let digest = checksum.flatMap({ Digest(hex: $0) }) else {
            throw incomplete(solvable, index)
        }
        return (index, solvable, digest)
    }

    private func package(
        _ solvable: UnsafeMutablePointer<Solvable>, of index: Archives.Index, _ digest: Digest, size: Int64?
    ) throws(DepotFailure) -> LockedPackage {
        func text(_ id: Id) -> String { String(cString: pool_id2str(pool, id)) }
        var medium: UInt32 = 0
        guard let size, let file = solvable_lookup_location(solvable, &medium).map({ String(cString: $0) }) else {
            throw incomplete(solvable, index)
        }
        return LockedPackage(
            name: text(solvable.pointee.name), version: text(solvable.pointee.evr),
            architecture: text(solvable.pointee.arch),
            archive: index.archive.name, file: file.hasPrefix("./") ? String(file.dropFirst(2)) : file, size: size,
            sha256: digest)
    }

    private func incomplete(_ solvable: UnsafeMutablePointer<Solvable>, _ index: Archives.Index) -> DepotFailure {
        let name = Shown.whole(String(cString: pool_id2str(pool, solvable.pointee.name)))
        return DepotFailure(
            "the archive \(index.archive.name) gives no file, size or SHA-256 digest for \(name)", .integrity)
    }

    /// The sizes of package files, which libsolv does not keep: one walk over each index.
    private func sizes(of wanted: [(index: Archives.Index, digest: Digest)]) throws(DepotFailure) -> [Digest: Int64] {
        var sizes: [Digest: Int64] = [:]
        let digests = Set(wanted.map { $0.digest.hex })
        var seen: Set<String> = []
        for index in wanted.map(\.index) where seen.insert(index.archive.name).inserted {
            Self.paragraphs(with: "\nSHA256: ", in: index.text) { value, paragraph in
                guard let digest = Digest(hex: value), digests.contains(value) else { return }
                for line in paragraph.split(separator: UInt8(ascii: "\n")) where line.starts(with: "Size: ".utf8) {
                    sizes[digest] = Int64(String(decoding: line.dropFirst(6), as: UTF8.self))
                }
            }
        }
        return sizes
    }

    /// The archives that these packages are from.
    func archives(of packages: [LockedPackage]) -> [LockedArchive] {
        let names = Set(packages.map(\.archive))
        var seen: Set<String> = []
        return indexes.sorted { $0.key < $1.key }.map(\.value.archive)
            .filter { names.contains($0.name) && seen.insert($0.name).inserted }.sorted { $0.name < $1.name }
    }

    private func unsolvable(_ solver: UnsafeMutablePointer<Solver>, _ requests: [DebianRequest]) -> DepotFailure {
        var texts: [String] = []
        var problem: Id = 0
        while true {
            problem = solver_next_problem(solver, problem)
            if problem == 0 { break }
            if let text = solver_problem2str(solver, problem) { texts.append(Shown.whole(String(cString: text))) }
        }
        let names = requests.map(\.name).joined(separator: ", ")
        let summary = "these packages can't be together: \(names)"
        guard unreachable.isEmpty else {
            return DepotFailure(
                summary, cause: texts.joined(separator: "; "),
                fix: "check the network, one of these may have what is missing: \(unreachable.joined(separator: ", "))",
                .unreachable)
        }
        return DepotFailure(
            summary, cause: texts.joined(separator: "; "),
            fix: "leave one of them out, or give stations needs of their own", .usage)
    }

    /// The names of the paragraphs with `Essential: yes`, which libsolv does not keep.
    private static func essentials(in text: [UInt8]) -> [String] {
        var names: [String] = []
        paragraphs(with: "\nEssential: ", in: text) { value, paragraph in
            guard value == "yes" else { return }
            for line in paragraph.split(separator: UInt8(ascii: "\n")) where line.starts(with: "Package: ".utf8) {
                names.append(String(decoding: line.dropFirst(9), as: UTF8.self))
            }
        }
        return names
    }

    /// Walks over the paragraphs that have a field, without taking the others apart.
    ///
    /// - Parameters:
    ///   - field: a newline, its name, a colon and a blank.
    ///   - text: ends with a NUL byte.
    private static func paragraphs(
        with field: String, in text: [UInt8], _ body: (_ value: String, _ paragraph: UnsafeRawBufferPointer) -> Void
    ) {
        text.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self) else { return }
            let newline = CChar(10)
            var place = start
            while let hit = strstr(place, field) {
                let value = UnsafePointer(hit) + field.utf8.count
                let end = UnsafePointer(strchr(value, Int32(newline)) ?? hit + strlen(hit))
                place = end
                let word = String(decoding: UnsafeRawBufferPointer(start: value, count: end - value), as: UTF8.self)
                body(word, paragraph(around: UnsafePointer(hit), in: bytes))
            }
        }
    }

    private static func paragraph(
        around place: UnsafePointer<CChar>, in text: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        guard let start = text.baseAddress?.assumingMemoryBound(to: CChar.self) else { return text }
        let newline = CChar(10)
        var first = place
        while first > start, !(first[0] == newline && first[-1] == newline) { first -= 1 }
        let end = strstr(place, "\n\n").map { UnsafePointer($0) } ?? start + (text.count - 1)
        return UnsafeRawBufferPointer(start: first, count: end - first)
    }
}
