internal import Files
internal import Glibc

extension Replica {
    /// The machine that has written what lies in a workspace at first.
    static let first = "@first"

    /// What lies in the folder is what lies there at first on every machine, where nothing is known yet.
    func begin() throws {
        if !map.entries.isEmpty { return }
        var scan = try scan(settled: true)
        // What is left out now would be this machine's own. A child of this process that has yet to become its program holds open what
        // was written here just now.
        for _ in 0..<500 where !scan.unsettled.isEmpty {
            usleep(10_000)
            let again = try self.scan(settled: true, only: scan.unsettled)
            scan.changed.formUnion(again.changed)
            scan.unsettled = again.unsettled
        }
        var own: [(name: RelativePath, entry: Entry)] = []
        for (number, name) in scan.changed.sorted().enumerated() {
            guard let state = lying[name] else { continue }
            var entry = Entry()
            let dot = Dot(Self.first, UInt64(number + 1))
            entry.write(state.content, as: dot, modified: 0, replacing: nil, map.rule)
            own.append((name, entry))
        }
        map = SharedMap(map.rule)
        nextNumber = 1
        for (name, entry) in own {
            map.merge(name, entry)
            guard let state = lying[name], let dot = entry.versions.first?.dot else { continue }
            lies(Lying(name: name, dot: dot, content: state.content, stamp: state.stamp), at: name)
        }
        try journal.rewrite(map, lying)
    }
}
