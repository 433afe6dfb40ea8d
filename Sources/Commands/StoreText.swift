internal import Failures
internal import Files
internal import JSON
internal import Store
internal import Terminal

/// What las tells of its store.
struct StoreText {
    private let context: Context
    private var lash: LASH { context.lash }

    init(_ context: Context) { self.context = context }

    private func printJSON(_ value: JSONValue) {
        context.terminal.print(bytes: JSONText.bytes(of: value, indented: true))
    }

    // MARK: Showing

    func show(_ kind: StoreKind?, asJSON: Bool) throws -> ExitCode {
        let listing = try StoreListing(lash)
        let things = KnownThings(lash).all()
        let uses = StoreUses(lash, things: things)
        if let kind {
            showEntries(listing.entries(of: kind), uses, asJSON: asJSON)
        } else if asJSON {
            printJSON(try json(listing, uses, things))
        } else {
            showKinds(listing, uses, things)
        }
        return .done
    }

    private func showKinds(_ listing: StoreListing, _ uses: StoreUses, _ things: [KnownThings.Thing]) {
        let terminal = context.terminal
        let total = listing.entries.reduce(0) { $0 + $1.size }
        terminal.print("\(Shown.whole(lash.root)): \(Amounts.bytes(total))")
        var rows = [["kind", "count", "size", "needed", ""]]
        for kind in StoreKind.allCases {
            let entries = listing.entries(of: kind)
            if entries.isEmpty { continue }
            let needed = entries.filter { uses.users(of: $0) != nil }
            rows.append([
                kind.rawValue, "\(entries.count)", Amounts.bytes(entries.reduce(0) { $0 + $1.size }),
                kind.isNeededByName ? Amounts.bytes(needed.reduce(0) { $0 + $1.size }) : "", kind.about,
            ])
        }
        if rows.count > 1 { for line in Table.lines(rows) { terminal.print(line) } }
        let users = users(listing, uses, things)
        if users.isEmpty { return }
        terminal.print("\nneeded by:")
        // Runs that failed may be many; the youngest are what is looked for.
        let runs = users.filter { if case .run = $0.user { true } else { false } }
        let told = users.filter { user in runs.count <= 10 || !runs.dropLast(10).contains { $0.user == user.user } }
        for line in Table.lines(told.map { ["  " + $0.words, Amounts.bytes($0.size), $0.note] }) {
            terminal.print(line)
        }
        if told.count < users.count { terminal.print("  and \(users.count - told.count) older runs") }
    }

    private struct UserRow {
        let user: StoreUses.User
        let words: String
        let size: Int64
        let note: String
    }

    private func users(
        _ listing: StoreListing, _ uses: StoreUses, _ things: [KnownThings.Thing]
    ) -> [UserRow] {
        var sizes: [StoreUses.User: Int64] = [:]
        for entry in listing.entries {
            for user in uses.users(of: entry) ?? [] { sizes[user, default: 0] += entry.size }
        }
        let there = Dictionary(things.map { ($0.path, $0.isThere) }, uniquingKeysWith: { first, _ in first })
        return uses.users.compactMap { user in
            // What is left of a run that ended well needs nothing.
            if case .run(let name) = user, sizes[user] == nil, !uses.running.contains(name) { return nil }
            let gone = user.path.map { there[$0] == false ? "not there now" : "" }
            let words =
                switch user {
                case .metro(let path): "metro   \(Shown.whole(File.parent(of: path)))"
                case .bundle(let path): "bundle  \(Shown.whole(path))"
                case .run(let name): "run     \(name)"
                }
            return UserRow(
                user: user, words: words, size: sizes[user] ?? 0,
                note: gone ?? (uses.running.contains(user.name) ? "going on" : ""))
        }
    }

    private func json(_ listing: StoreListing, _ uses: StoreUses, _ things: [KnownThings.Thing]) throws -> JSONValue {
        var kinds: [String: JSONValue] = [:]
        for kind in StoreKind.allCases {
            let entries = listing.entries(of: kind)
            if entries.isEmpty { continue }
            var row: [String: JSONValue] = [
                "count": .integer(Int64(entries.count)), "size": .integer(entries.reduce(0) { $0 + $1.size }),
            ]
            if kind.isNeededByName {
                row["needed"] = .integer(
                    entries.filter { uses.users(of: $0) != nil }.reduce(0) { $0 + $1.size })
            }
            kinds[kind.rawValue] = .object(row)
        }
        let users = users(listing, uses, things).map { row in
            JSONValue.object([
                "kind": .string(row.user.kind), "name": .string(row.user.name), "size": .integer(row.size),
                "there": .bool(row.note != "not there now"),
            ])
        }
        return [
            "lash": .string(lash.root), "size": .integer(listing.entries.reduce(0) { $0 + $1.size }),
            "kinds": .object(kinds), "users": .array(users),
        ]
    }

    private func showEntries(_ entries: [StoreEntry], _ uses: StoreUses, asJSON: Bool) {
        if asJSON {
            printJSON(.array(entries.map { object($0, uses) }))
            return
        }
        for line in Table.lines(
            entries.map { entry in
                let users = uses.users(of: entry)
                let needed = users.map { $0.isEmpty ? "" : "needed by \($0.count)" } ?? "not needed"
                return [
                    entry.shortName, Amounts.bytes(entry.size), entry.kind.isNeededByName ? needed : "",
                    Shown.text(uses.title(of: entry) ?? "", atMost: 100),
                ]
            })
        { context.terminal.print(line) }
    }

    private func object(_ entry: StoreEntry, _ uses: StoreUses) -> JSONValue {
        var row: [String: JSONValue] = [
            "kind": .string(entry.kind.rawValue), "name": .string(entry.name), "size": .integer(entry.size),
            "modified": .integer(entry.modified),
            "users": .array((uses.users(of: entry) ?? []).map { .string($0.name) }),
        ]
        row["title"] = uses.title(of: entry).map { .string($0) }
        return .object(row)
    }

    // MARK: What was done

    func tell(_ outcome: StoreCheck.Outcome, asJSON: Bool) {
        let uses = StoreUses(lash, things: KnownThings(lash).all())
        if asJSON {
            printJSON([
                "good": .integer(Int64(outcome.good)), "size": .integer(outcome.bytes),
                "unknown": .object(
                    Dictionary(uniqueKeysWithValues: outcome.unknown.map { ($0.rawValue, .integer(Int64($1))) })),
                "damaged": .array(
                    outcome.damaged.map { damage in
                        [
                            "kind": .string(damage.entry.kind.rawValue), "name": .string(damage.entry.name),
                            "what": .string(damage.what),
                        ]
                    }),
            ])
            return
        }
        for damage in outcome.damaged {
            let title = uses.title(of: damage.entry).map { " (\(Shown.text($0, atMost: 100)))" } ?? ""
            context.terminal.print(
                "damaged: \(damage.entry.kind.rawValue)/\(damage.entry.shortName)\(title): \(Shown.whole(damage.what))")
        }
        let read =
            "\(Amounts.count(outcome.good + outcome.damaged.count, "thing")) read, \(Amounts.bytes(outcome.bytes))"
        context.terminal.print(
            outcome.damaged.isEmpty
                ? "\(read): all as they were"
                : "\(read): \(outcome.damaged.count) damaged, which left the store and are made again when they are needed"
        )
        let unknown = outcome.unknown.sorted { $0.key.rawValue < $1.key.rawValue }
        if !unknown.isEmpty {
            let list = unknown.map { "\($1) of the \($0.rawValue)" }.joined(separator: ", ")
            context.terminal.say("note: nothing says what the bytes must be of \(list)")
        }
    }

    func tell(_ plan: StoreCollection.Plan, days: Int, isDry: Bool, asJSON: Bool) {
        let size = plan.entries.reduce(0) { $0 + $1.size }
        let young = plan.young.reduce(0) { $0 + $1.size }
        if asJSON {
            printJSON([
                "freed": .integer(size), "dry": .bool(isDry), "young": .integer(young),
                "kinds": .object(
                    Dictionary(
                        uniqueKeysWithValues: kinds(plan.entries).map { kind, entries in
                            (
                                kind.rawValue,
                                [
                                    "count": .integer(Int64(entries.count)),
                                    "size": .integer(entries.reduce(0) { $0 + $1.size }),
                                ]
                            )
                        })),
            ])
            return
        }
        let terminal = context.terminal
        if plan.entries.isEmpty {
            terminal.print("nothing to clear away")
        } else {
            let rows = kinds(plan.entries).map { kind, entries in
                [
                    "  " + kind.rawValue, "\(entries.count)", Amounts.bytes(entries.reduce(0) { $0 + $1.size }),
                    kind.about,
                ]
            }
            terminal.print("\(Amounts.bytes(size)) \(isDry ? "would be cleared away" : "cleared away"):")
            for line in Table.lines(rows) { terminal.print(line) }
        }
        if young > 0 {
            terminal.say(
                "nothing needs \(Amounts.bytes(young)) more that is younger than \(Amounts.count(days, "day")) (--older-than 0 takes it too)"
            )
        }
    }

    private func kinds(_ entries: [StoreEntry]) -> [(StoreKind, [StoreEntry])] {
        StoreKind.allCases.map { kind in (kind, entries.filter { $0.kind == kind }) }.filter { !$0.1.isEmpty }
    }

    static func days(_ invocation: Invocation) throws -> Int {
        guard let text = invocation.value("--older-than") else { return StoreCollection.usualDays }
        guard let days = Int(text), (0...36_500).contains(days) else {
            throw UsageFailure(
                "--older-than is a number of days from 0 on, not “\(Shown.text(text))”", fix: "--older-than 30")
        }
        return days
    }
}

extension StoreKind {
    /// Whether metros, bundles and runs name what they need of it.
    fileprivate var isNeededByName: Bool {
        switch self {
        case .packages, .inputs, .unpacked, .layers, .blocks, .parts, .images: true
        case .archives, .made, .tasks, .each, .runs, .runtimes, .stamps, .pushed, .known, .unfinished: false
        }
    }
}

extension StoreEntry {
    /// Digests by as many digits as a person needs.
    fileprivate var shortName: String {
        let digits = name.prefix { $0 != "." }
        let isDigest = digits.utf8.count == 64 && digits.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        return isDigest ? digits.prefix(12) + "…" + name.dropFirst(64) : Shown.text(name, atMost: 80)
    }
}

extension StoreUses.User {
    fileprivate var path: String? {
        switch self {
        case .metro(let path), .bundle(let path): path
        case .run: nil
        }
    }

    fileprivate var name: String {
        switch self {
        case .metro(let name), .bundle(let name), .run(let name): name
        }
    }

    fileprivate var kind: String {
        switch self {
        case .metro: "metro"
        case .bundle: "bundle"
        case .run: "run"
        }
    }
}
