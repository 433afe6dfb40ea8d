internal import Files
internal import Glibc

/// Clears away what no metro, bundle or run needs that is known here.
///
/// What somebody needs stays, however old it is. The rest goes once it is older than so many days. A metro or bundle that is
/// gone counts as there for as many days after las has worked with it for the last time: its disk may only be elsewhere.
package struct StoreCollection: Sendable {
    /// What goes, and what stays only since it is not old enough.
    package struct Plan: Sendable {
        package let entries: [StoreEntry]
        package let young: [StoreEntry]
    }

    package static let usualDays = 30

    private let listing: StoreListing
    private let days: Int
    private let now: Int64

    package init(_ listing: StoreListing, olderThan days: Int, now: Int64 = Int64(time(nil))) {
        (self.listing, self.days, self.now) = (listing, days, now)
    }

    private func isOld(_ time: Int64, days: Int) -> Bool { now - time >= Int64(days) * 86_400 }

    package func plan() -> Plan {
        let lash = listing.lash
        let things = KnownThings(lash).all().filter { thing in
            // Nobody takes a lock of las each away: it goes when it was not used.
            let isEach = thing.path.begins(with: lash.each + "/")
            return (thing.isThere && !isEach) || !isOld(thing.seen, days: days)
        }
        let uses = StoreUses(lash, things: things)
        let each = Set(
            things.compactMap { $0.path.after(lash.each + "/").map { String($0.prefix { $0 != "/" }) } })
        var (gone, young): ([StoreEntry], [StoreEntry]) = ([], [])
        for entry in listing.entries {
            if uses.users(of: entry) != nil { continue }
            switch entry.kind {
            case .each where each.contains(entry.name): continue
            case .unfinished:
                // Of a process that may go on, perhaps on another machine that shares this LASH.
                if isOld(entry.modified, days: 1), !Self.isGoingOn(entry.name) { gone.append(entry) }
            default:
                if isOld(entry.modified, days: days) { gone.append(entry) } else { young.append(entry) }
            }
        }
        return Plan(entries: gone, young: young)
    }

    /// Whether it is of a process of this machine that has not ended: `NAME-PID-RANDOM`.
    private static func isGoingOn(_ name: String) -> Bool {
        let words = name.split(separator: "-")
        guard words.count >= 3, let pid = pid_t(words[words.count - 2]) else { return false }
        return kill(pid, 0) == 0 || errno != ESRCH
    }

    /// - Parameter progress: told how many entries are gone, of all.
    package func remove(_ plan: Plan, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws {
        let removal = StoreRemoval(listing.lash)
        // Records first: what they name may be gone a moment later.
        let order = plan.entries.filter { $0.kind == .made } + plan.entries.filter { $0.kind != .made }
        for (number, entry) in order.enumerated() {
            try removal.remove(entry)
            progress(number + 1, order.count)
        }
    }
}
