internal import CSolv
internal import Digests
internal import Failures
internal import Metro

/// Which packages are taken.
extension PackageSolver {
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
            } else if !essentials.contains(name), !Self.spared.contains(name) {
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
}
