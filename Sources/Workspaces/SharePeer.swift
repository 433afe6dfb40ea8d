internal import Digests
package import Files
internal import Parts

/// One end of what two machines say of a workspace. Both ends are alike: each tells what is new, and asks for the bytes of what it
/// is told of. What is told counts here when its bytes are here.
///
/// Messages are taken one after another from `next`, when the connection has room, and come in their order. Each file that was asked
/// for is answered in the order of asking.
package final class SharePeer {
    private let replica: Replica
    /// Names of which the other side has to hear, each once, in the order in which they became otherwise.
    private var untold: ArraySlice<RelativePath> = []
    private var isUntold: Set<RelativePath> = []
    /// Of these the bytes go with what is told, where they are short and at hand.
    private var isNews: Set<RelativePath> = []
    /// What went to the other side or came from there, of late.
    private var exchanged: Set<Digest> = []
    private var replies: [ShareMessage] = []

    // What comes here.
    /// What was told, with the bytes that it lacks.
    private var pending: [RelativePath: (entry: Entry, lacks: Set<Digest>)] = [:]
    /// What was told and lacks nothing: it counts all at once, when nothing more is on its way.
    private var ready: [RelativePath: Entry] = [:]
    /// Who waits for the bytes.
    private var waiting: [Digest: Set<RelativePath>] = [:]
    /// What was not asked for yet, and what is on its way.
    private var wanted: ArraySlice<Replica.Need> = []
    private var asked: ArraySlice<IncomingFile> = []
    private var askedBytes: Int64 = 0
    /// Of what counts here already, and whose bytes are gone.
    private var missing: Set<Digest> = []

    /// Messages that told something, and how many of them it said that they count.
    private var heard: UInt64 = 0
    private var answered: UInt64 = 0
    private let answers: Bool
    /// Whether short files go with what is told of them.
    private let sendsShort: Bool
    /// Whether what counts here gets its place later, when somebody says `placed`.
    private let placesLater: Bool
    /// Something counts here that may have no place yet.
    private(set) var awaitsPlace = false
    /// Paths of which the other side has to hear whether their files are here, and those that it hears of now.
    private var untoldPlaces: Set<RelativePath> = []
    private var leavingPlaces: ArraySlice<RelativePath> = []
    /// Paths of files that the other side knows and does not have.
    private(set) var absent: Set<RelativePath> = []
    /// How often all was heard that there was to be said of them.
    private(set) var placesHeard: UInt64 = 0

    /// Names of files that the other side has to hold; nil where nobody says so.
    private var keptThere: Set<RelativePath>?
    private var untoldKeeps: Set<RelativePath> = []
    private var leavingKeeps: ArraySlice<RelativePath> = []
    private var hasBegunKeeps = false

    // What goes there.
    private var ledger = ToldLedger()
    private var leaving: ArraySlice<OutgoingFile> = []

    /// The first message tells at least that the workspace is spoken of.
    private var isBeginning: Bool

    private static let mostAsked = 1024
    private static let mostAskedBytes: Int64 = 4 << 20
    private static let mostReady = 1000
    private static let mostReadyBytes = 4 << 20
    private static let mostTold = 256 << 10
    /// However long they are, they fit into a frame.
    private static let mostPaths = 200

    /// - Parameters:
    ///   - isNew: the other side knows nothing yet, and is told everything.
    ///   - answers: says how much of what it is told counts here.
    ///   - sendsShort: the other side wants all files.
    ///   - placesLater: what counts here has its place only when `placed` is said.
    package init(
        _ replica: Replica, isNew: Bool = true, answers: Bool = false, sendsShort: Bool = true,
        placesLater: Bool = false
    ) {
        (self.replica, self.answers, self.sendsShort) = (replica, answers, sendsShort)
        self.placesLater = placesLater
        untoldPlaces = replica.absent
        isBeginning = isNew
        if isNew { tell(Set(replica.map.entries.keys)) }
    }

    /// Of these the other side has to hear.
    ///
    /// - Parameter isNews: it has happened just now, so that the other side does not have the bytes.
    package func tell(_ names: Set<RelativePath>, isNews: Bool = false) {
        for name in names.sorted() where isUntold.insert(name).inserted { untold.append(name) }
        if isNews { self.isNews.formUnion(names) }
    }

    /// Of these the other side has to hear whether their files are here.
    package func tellPlaces(_ paths: Set<RelativePath>) { untoldPlaces.formUnion(paths) }

    /// What the other side has to hold, so that enough machines do.
    func keepThere(_ names: Set<RelativePath>) { (keptThere, untoldKeeps) = (names, names) }
    func keepThere(_ name: RelativePath, _ isKept: Bool) {
        if isKept { keptThere?.insert(name) } else { keptThere?.remove(name) }
        untoldKeeps.insert(name)
    }

    /// Whether all that was told by the other side counts here, and lies there.
    package var isInStep: Bool { pending.isEmpty && ready.isEmpty && missing.isEmpty && !awaitsPlace }

    /// What the other side has, as far as it said: nil where it has said nothing.
    var held: VersionVector? { ledger.held }
    /// Names of which it has to hear, or did not say yet that what it heard counts.
    var lacked: Set<RelativePath> { isUntold.union(ledger.open) }
    var lacksNothing: Bool { isUntold.isEmpty && ledger.isAnswered }

    /// Asks for bytes of what counts here already.
    package func ask(for needs: [Replica.Need]) {
        for need in needs where missing.insert(need.digest).inserted {
            if waiting[need.digest] == nil { wanted.append(need) }
            waiting[need.digest, default: []].insert(need.name)
            replica.bringing.insert(ObjectIdentifier(self))
        }
    }

    // MARK: Out

    /// The next message to send; nil where there is none now.
    package func next() throws -> [UInt8]? {
        // Before it hears that something counts here, and may go there.
        if let keeps = nextKeeps() { return keeps.bytes }
        if !replies.isEmpty { return replies.removeFirst().bytes }
        if let ask = try nextAsk() { return ask.bytes }
        while let file = leaving.first {
            if file.isShort { return try nextFiles().bytes }
            if let message = try file.next() { return message.bytes }
            guard file.hasEnded else { break }
            leaving.removeFirst()
        }
        return (nextTold() ?? nextPlaces())?.bytes
    }

    private func nextAsk() throws -> ShareMessage? {
        var asks: [ShareMessage.Ask] = []
        while asked.count < Self.mostAsked, askedBytes < Self.mostAskedBytes, let need = wanted.popFirst() {
            let file = try IncomingFile(need, in: replica)
            asked.append(file)
            // A long one is not kept in memory.
            if file.isShort { askedBytes += need.content.size }
            asks.append(.init(digest: need.digest, size: need.content.size, like: need.like))
        }
        return asks.isEmpty ? nil : .ask(asks)
    }

    private func nextFiles() throws -> ShareMessage {
        var (files, size): ([[UInt8]?], Int) = ([], 0)
        while size < Self.mostTold, let file = leaving.first, file.isShort {
            leaving.removeFirst()
            let bytes = try file.whole()
            if bytes != nil { isExchanged(file.digest) }
            files.append(bytes)
            size += 5 + (bytes?.count ?? 0)
        }
        return .files(files)
    }

    private func nextTold() -> ShareMessage? {
        var (known, size): ([ShareMessage.Known], Int) = ([], 0)
        var short: [ShareMessage.Short] = []
        while size < Self.mostTold, let name = untold.popFirst() {
            isUntold.remove(name)
            let isNew = isNews.remove(name) != nil
            guard let entry = replica.map.entries[name] else { continue }
            known.append(.init(name: name, entry: entry))
            size += 100 + name.string.utf8.count + entry.told
            if !isNew || !sendsShort { continue }
            for version in entry.versions where version.content.size <= ShareMessage.mostWithNews {
                guard let digest = version.content.digest, size < Self.mostTold, !exchanged.contains(digest),
                    let bytes = replica.recent[digest]
                else { continue }
                isExchanged(digest)
                short.append(.init(digest: digest, bytes: bytes))
                size += 36 + bytes.count
            }
        }
        if known.isEmpty, !isBeginning { return nil }
        isBeginning = false
        ledger.tell(known, isAll: untold.isEmpty)
        return ShareMessage.tell(known, short)
    }

    private func nextPlaces() -> ShareMessage? {
        if leavingPlaces.isEmpty {
            if untoldPlaces.isEmpty { return nil }
            leavingPlaces = untoldPlaces.sorted()[...]
            untoldPlaces = []
        }
        // A message that is not full is the last.
        let paths = leavingPlaces.prefix(
            leavingPlaces.count == Self.mostPaths ? Self.mostPaths - 1 : Self.mostPaths)
        leavingPlaces = leavingPlaces.dropFirst(paths.count)
        return .places(paths.map { .init(path: $0, isHere: !replica.absent.contains($0)) })
    }

    private func nextKeeps() -> ShareMessage? {
        guard let keptThere else { return nil }
        if leavingKeeps.isEmpty {
            if untoldKeeps.isEmpty, hasBegunKeeps { return nil }
            leavingKeeps = untoldKeeps.sorted()[...]
            untoldKeeps = []
        }
        let names = leavingKeeps.prefix(Self.mostPaths)
        leavingKeeps = leavingKeeps.dropFirst(names.count)
        defer { hasBegunKeeps = true }
        return .keep(
            names.map { .init(name: $0, isKept: keptThere.contains($0)) }, isAnew: !hasBegunKeeps,
            isLast: leavingKeeps.isEmpty)
    }

    private func isExchanged(_ digest: Digest) {
        if exchanged.count > 1 << 17 { exchanged = [] }
        exchanged.insert(digest)
    }

    // MARK: In

    /// - Returns: the names of which something is otherwise here now.
    package func hear(_ bytes: [UInt8]) throws -> Set<RelativePath> {
        switch try ShareMessage(bytes: bytes) {
        case .tell(let known, let short):
            heard += 1
            for file in short {
                guard file.bytes.count <= ShareMessage.mostWithNews, Digest(of: file.bytes) == file.digest else {
                    throw Self.unexpected
                }
                isExchanged(file.digest)
                if !replica.has(file.digest) { try replica.bring(file.bytes, file.digest) }
            }
            for told in known { take(told.name, told.entry) }
            return try settle()
        case .ask(let asks):
            for ask in asks { leaving.append(OutgoingFile(ask, in: replica)) }
            return []
        case .want(let bytes):
            guard let file = leaving.first(where: \.awaitsWant) else { throw Self.unexpected }
            try file.take(want: bytes)
            return []
        case .list(let bytes, let isDifference):
            guard let file = asked.first(where: { !$0.hasList }) else { throw Self.unexpected }
            if let want = try file.take(list: bytes, isDifference: isDifference) { replies.append(.want(want)) }
            return []
        case .data(let bytes):
            guard let file = asked.first else { throw Self.unexpected }
            try file.take(bytes)
            return []
        case .end(let isWhole):
            guard let file = asked.popFirst(), !file.isShort else { throw Self.unexpected }
            if isWhole { try file.finish() } else { file.abandon() }
            return try settle(placing: came(file.need.digest, isWhole: isWhole))
        case .files(let files):
            var placing = false
            for bytes in files {
                guard let file = asked.popFirst(), file.isShort else { throw Self.unexpected }
                askedBytes -= file.need.content.size
                if let bytes {
                    try file.take(whole: bytes)
                    isExchanged(file.need.digest)
                }
                if came(file.need.digest, isWhole: bytes != nil) { placing = true }
            }
            return try settle(placing: placing)
        case .again(let again):
            // Where they need it still and it is not here, a program has changed it just now: that is told when it is looked at.
            let canGive = try replica.canGive(again.digest)
            tell(
                Set(
                    again.names.filter { name in
                        guard let entry = replica.map.entries[name] else { return false }
                        return canGive || !entry.versions.contains { $0.content.digest == again.digest }
                    }))
            return []
        case .places(let places):
            for place in places {
                if place.isHere { absent.remove(place.path) } else { absent.insert(place.path) }
            }
            if places.count < Self.mostPaths { placesHeard += 1 }
            return []
        case .keep(let keeps, let isAnew, let isLast):
            // It is said to who would not have all of them.
            guard replica.needed != nil else { throw Self.unexpected }
            if replica.keep(keeps, isAnew: isAnew, isLast: isLast) { ask(for: try replica.apply()) }
            return []
        case .counts(let number):
            guard ledger.counts(number) else { throw Self.unexpected }
            return []
        }
    }

    private static var unexpected: WorkspaceFailure {
        WorkspaceFailure("a message about a workspace came that nothing waits for", exitCode: .integrity)
    }

    /// What was asked for has come, or is not there any more.
    /// - Returns: whether something that counts here already waits for it.
    private func came(_ digest: Digest, isWhole: Bool) -> Bool {
        let names = waiting.removeValue(forKey: digest) ?? []
        let wasMissing = missing.remove(digest) != nil
        if !isWhole { replies.append(.again(.init(names: names.sorted(), digest: digest))) }
        for name in names {
            guard pending[name]?.lacks.remove(digest) != nil else { continue }
            if !isWhole {
                pending[name] = nil
            } else if let whole = pending[name], whole.lacks.isEmpty {
                pending[name] = nil
                ready[name] = whole.entry
            }
        }
        return wasMissing && isWhole
    }

    private func take(_ name: RelativePath, _ entry: Entry) {
        ready[name] = nil
        var lacks: Set<Digest> = []
        let own = replica.map.entries[name]
        for version in entry.versions {
            // What is replaced here already is not wanted.
            let isOld = own?.seen.covers(version.dot) ?? false && own?.versions.contains(version) == false
            guard let digest = version.content.digest, version.content.kind == .file, !isOld, !replica.has(digest),
                replica.isNeeded(name, of: name)
            else {
                continue
            }
            lacks.insert(digest)
            // It counts here since a connection before this one, which was cut before its bytes came.
            if own?.versions.contains(version) ?? false { missing.insert(digest) }
            if waiting[digest] == nil {
                wanted.append(
                    Replica.Need(content: version.content, like: replica.lying[name]?.content.digest, name: name))
            }
            waiting[digest, default: []].insert(name)
        }
        replica.bringing.insert(ObjectIdentifier(self))
        pending[name] = lacks.isEmpty ? nil : (entry, lacks)
        if lacks.isEmpty { ready[name] = entry }
    }

    /// What is whole by now counts.
    ///
    /// - Parameter placing: bytes have come that were missing.
    private func settle(placing: Bool = false) throws -> Set<RelativePath> {
        let isMuch = ready.count >= Self.mostReady || replica.broughtBytes >= Self.mostReadyBytes
        if !isInStep, !placing, ready.isEmpty || !waiting.isEmpty && !isMuch { return [] }
        let told = ready.sorted { $0.key < $1.key }.map { (name: $0.key, entry: $0.value) }
        ready = [:]
        let changed = try replica.merge(told)
        if placing || !changed.isEmpty {
            if placesLater { awaitsPlace = true } else { ask(for: try replica.apply()) }
        }
        try isSettled()
        return changed
    }

    /// What counts here was given its place, but for what was asked for.
    func placed() throws {
        awaitsPlace = false
        try isSettled()
    }

    private func isSettled() throws {
        if !isInStep { return }
        replica.bringing.remove(ObjectIdentifier(self))
        try replica.clearIncoming()
        if answers, answered < heard {
            answered = heard
            replies.append(.counts(heard))
        }
    }

    /// When the connection is gone.
    package func end() {
        for file in asked { file.abandon() }
        for file in leaving { file.close() }
        (asked, leaving, wanted, pending, ready, waiting, missing) = ([], [], [], [:], [:], [:], [])
        (askedBytes, awaitsPlace) = (0, false)
        replica.bringing.remove(ObjectIdentifier(self))
        try? replica.clearIncoming()
    }
}

extension Entry {
    /// How long what is told of it is, about.
    fileprivate var told: Int {
        seen.numbers.keys.reduce(0) { $0 + 9 + $1.utf8.count }
            + versions.reduce(0) { $0 + 150 + ($1.content.target?.utf8.count ?? 0) }
    }
}
