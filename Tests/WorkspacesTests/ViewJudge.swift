import Files

@testable import Workspaces

extension SharedMap {
    /// What is to lie where, worked out from nothing but the entries: what the map keeps renewing must come out the same.
    var viewAnew: [RelativePath: Shown] {
        var folders: Set<RelativePath> = []
        for (name, entry) in entries where entry.isThere {
            var above = name.parent
            while let folder = above, folders.insert(folder).inserted { above = folder.parent }
        }
        func winner(_ name: RelativePath, _ entry: Entry) -> FileVersion? {
            if !folders.contains(name) { return entry.winner(rule) }
            return Entry(entry.versions.filter { $0.content.kind == .folder }).winner(rule)
        }
        var view: [RelativePath: Shown] = [:]
        var beside: [(name: RelativePath, version: FileVersion)] = []
        for (name, entry) in entries {
            let winner = winner(name, entry)
            if let winner, winner.content.kind != .gone {
                view[name] = Shown(name: name, version: winner, isCollision: false)
            }
            if rule == .newest, !folders.contains(name) { continue }
            for version in entry.versions where version.dot != winner?.dot {
                if version.content.kind == .gone || version.content.kind == .folder { continue }
                if version.content == winner?.content { continue }
                beside.append((name, version))
            }
        }
        for (name, version) in beside.sorted(by: { ($0.name, $0.version.dot) < ($1.name, $1.version.dot) }) {
            guard var place = Self.name(beside: name, of: version.dot) else { continue }
            while view[place] != nil || folders.contains(place) {
                guard let next = RelativePath(place.string + "+") else { break }
                place = next
            }
            if view[place] == nil { view[place] = Shown(name: name, version: version, isCollision: true) }
        }
        return view
    }
}
