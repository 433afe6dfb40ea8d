internal import Depot
internal import Failures
internal import Plan
internal import Terminal

/// Inputs that are fetched and unpacked.
extension Packing {
    /// Fetches what addresses name, unpacks archives, and completes the lock.
    func bring(_ lock: inout Lock) async throws -> InputFiles.Brought {
        let brought = try await fetch(&lock)
        let archives = InputFiles.archives(
            of: source.metro, in: source.folder, replaced: source.replaced, brought)
        return try await bringing.unpack(archives, brought)
    }

    /// Fetches what addresses name, and completes the lock.
    ///
    /// - Parameter anew: to take what is at the metro's addresses now, whatever the lock says.
    func fetch(_ lock: inout Lock, anew: Bool = false) async throws -> InputFiles.Brought {
        let locked = anew ? [] : lock.inputs
        let wanted = InputFiles.remote(of: source.metro, replaced: source.replaced)
        let (brought, kept) = try await bringing.fetch(wanted, locked: locked, update: source.updateCommand)
        try complete(&lock, with: kept)
        return brought
    }

    private var bringing: Bringing { Bringing(context: context, display: display) }

    /// Writes what was fetched into the lock, and takes out what the metro no longer names.
    private func complete(_ lock: inout Lock, with kept: [LockedInput]) throws {
        let before = Dictionary(lock.inputs.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
        let fetched = Dictionary(kept.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
        var inputs: [String: LockedInput] = [:]
        // What the command line gives is for this time; what it replaces stays as it was.
        for address in InputFiles.remote(of: source.metro).map(\.address.text) {
            inputs[address] = fetched[address] ?? before[address]
        }
        let completed = lock.with(Array(inputs.values))
        if completed == lock { return }
        try completed.write(to: source.lockFile)
        lock = completed
        let added = inputs.keys.count { before[$0] == nil }
        let gone = before.keys.count { inputs[$0] == nil }
        var told: [String] = []
        if added > 0 { told.append("\(Amounts.count(added, "file")) of an address added") }
        if gone > 0 { told.append("\(Amounts.count(gone, "file")) dropped that the metro no longer names") }
        for input in inputs.values.sorted(by: { $0.address < $1.address }) where before[input.address] ?? input != input
        {
            told.append("new content taken of \(Shown.text(input.address, atMost: 200))")
        }
        context.terminal.say("\(Shown.whole(source.lockFile)): \(told.joined(separator: ", "))")
    }
}

/// What is fetched and unpacked for inputs, shown while that is done.
struct Bringing {
    let context: Context
    let display: DepotDisplay

    private var store: InputStore { InputStore(context.lash, observer: { [display] in display.show($0) }) }

    /// - Parameters:
    ///   - locked: what must be at the addresses that are locked.
    ///   - update: the command line that takes what has changed, for errors.
    func fetch(
        _ remote: [InputFiles.Remote], locked: [LockedInput] = [], update: String
    ) async throws -> (InputFiles.Brought, [LockedInput]) {
        if remote.isEmpty { return (InputFiles.Brought(), []) }
        let locked = Dictionary(locked.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
        let wanted = remote.map {
            InputStore.Wanted($0.address, locked: locked[$0.address.text], place: $0.place, input: $0.input)
        }
        let store = store
        let kept = try await display.during { try await store.fetch(wanted, update: update) }
        var brought = InputFiles.Brought()
        for file in kept { brought.fetched[file.locked.address] = file.path }
        return (brought, kept.map(\.locked))
    }

    /// - Returns: with what was in the archives.
    func unpack(_ archives: [InputFiles.Archive], _ brought: InputFiles.Brought) async throws -> InputFiles.Brought {
        var wanted: [InputStore.Archive] = []
        for archive in archives where !wanted.contains(where: { $0.path == archive.path }) {
            wanted.append(.init(path: archive.path, shown: archive.shown, place: archive.place))
        }
        if wanted.isEmpty { return brought }
        let store = store
        let unpacked = try await display.during { [wanted] in try await store.unpack(wanted) }
        var brought = brought
        for (archive, files) in zip(wanted, unpacked) {
            brought.unpacked[archive.path] = .init(folder: files.folder, files: files.files)
        }
        return brought
    }
}

extension InputFiles.Brought {
    var isEmpty: Bool { fetched.isEmpty && unpacked.isEmpty }
}
