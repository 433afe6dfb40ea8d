internal import CSolv
internal import Digests
internal import Failures
internal import Glibc
internal import Metro

/// Chooses packages with libsolv: what was asked for, all that it depends on, and nothing that is merely recommended.
struct PackageSolver {
    /// In every environment, also in one without needs: a shell, the tools that commands are made of, and what sets them up; and
    /// PRoot (0.3 MB with its library), for hosts without namespaces.
    static let base = [
        "base-files", "base-passwd", "bash", "coreutils", "dash", "diffutils", "dpkg", "findutils", "grep", "gzip",
        "libc-bin", "mawk", "proot", "sed", "tar",
    ]
    /// Of the base, what an archive may lack: Ubuntu's has PRoot in its section “universe” only.
    static let spared: Set<String> = ["proot"]
    /// Taken where one of several must be there.
    static let favourites = ["mawk", "usr-is-merged"]

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
    var pool: UnsafeMutablePointer<Pool> { holder.pool }
    private(set) var indexes: [Int32: Archives.Index] = [:]
    /// Names of packages marked Essential, sorted.
    let essentials: [String]
    let unreachable: [String]
    /// Names taken before others that could stand in for them.
    private(set) var favoured: [Id] = []

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
            essentials.formUnion(IndexText.essentials(in: index.text))
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
}
