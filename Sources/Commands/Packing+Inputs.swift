internal import Depot
internal import Failures
internal import Metro
internal import Plan
internal import Terminal

/// Inputs that are fetched and unpacked.
extension Packing {
    /// Fetches what the metro's addresses name, unpacks its archives, and completes the lock.
    func bring(_ lock: inout Lock) async throws -> InputFiles.Brought {
        var brought = try await fetch(&lock)
        var archives: [InputStore.Archive] = []
        for archive in InputFiles.archives(of: source.metro, in: source.folder, brought)
        where !archives.contains(where: { $0.path == archive.path }) {
            archives.append(.init(path: archive.path, shown: archive.shown, place: archive.place))
        }
        if archives.isEmpty { return brought }
        let store = inputs
        let unpacked = try await display.during { [archives] in try await store.unpack(archives) }
        for (archive, files) in zip(archives, unpacked) {
            brought.unpacked[archive.path] = .init(folder: files.folder, files: files.files)
        }
        return brought
    }

    /// Fetches what the metro's addresses name, and completes the lock.
    ///
    /// - Parameter anew: to take what is at the addresses now, whatever the lock says.
    func fetch(_ lock: inout Lock, anew: Bool = false) async throws -> InputFiles.Brought {
        let store = inputs
        var brought = InputFiles.Brought()
        let wanted = wanted(by: lock, anew: anew)
        if !wanted.isEmpty || !lock.inputs.isEmpty {
            let kept = try await display.during { try await store.fetch(wanted, update: source.updateCommand) }
            for file in kept { brought.fetched[file.locked.address] = file.path }
            try complete(&lock, with: kept.map(\.locked))
        }
        return brought
    }

    private var inputs: InputStore { InputStore(context.lash, observer: { [display] in display.show($0) }) }

    private func wanted(by lock: Lock, anew: Bool) -> [InputStore.Wanted] {
        let locked = Dictionary(lock.inputs.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
        return InputFiles.remote(of: source.metro).map { file in
            InputStore.Wanted(
                file.address, locked: anew ? nil : locked[file.address.text], place: file.place, input: file.input)
        }
    }

    /// Writes what was fetched into the lock, and takes out what the metro no longer names.
    private func complete(_ lock: inout Lock, with kept: [LockedInput]) throws {
        var inputs: [String: LockedInput] = [:]
        for input in kept { inputs[input.address] = input }
        let before = Dictionary(lock.inputs.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
        let completed = lock.with(Array(inputs.values))
        if completed == lock { return }
        try completed.write(to: source.lockFile)
        lock = completed
        let added = inputs.keys.filter { before[$0] == nil }.count
        let changed = inputs.values.filter { before[$0.address] ?? $0 != $0 }.map(\.address)
        let gone = before.keys.filter { inputs[$0] == nil }.count
        var told: [String] = []
        if added > 0 { told.append("\(Amounts.count(added, "file")) of an address added") }
        if gone > 0 { told.append("\(Amounts.count(gone, "file")) dropped that the metro no longer names") }
        for address in changed.sorted() { told.append("new content taken of \(Shown.text(address, atMost: 200))") }
        context.terminal.say("\(Shown.whole(source.lockFile)): \(told.joined(separator: ", "))")
    }
}

extension InputFiles.Brought {
    var isEmpty: Bool { fetched.isEmpty && unpacked.isEmpty }
}
