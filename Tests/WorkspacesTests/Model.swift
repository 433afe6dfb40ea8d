import Digests
import Files

@testable import Workspaces

/// Machines that share a workspace, without disks or connections: what each knows, and what its programs see.
struct Model: Hashable {
    struct Machine: Hashable {
        var entries: [RelativePath: Entry] = [:]
        /// What lies on its disk: of each path the name that it was written under, and its version.
        var disk: [RelativePath: Lying] = [:]
        var written: UInt64 = 0
    }

    struct Lying: Hashable {
        let name: RelativePath
        let dot: Dot
        let isFolder: Bool
    }

    enum Step: Hashable, CustomStringConvertible {
        case write(Int, String)
        case remove(Int, String)
        /// What the first knows the second learns.
        case send(Int, Int)
        /// The machine's disk becomes what its map says.
        case show(Int)
        /// What another machine has, too, does not lie on its disk any more: nobody removed it.
        case leave(Int, String)

        var description: String {
            switch self {
            case .write(let machine, let path): "\(machine) writes \(path)"
            case .remove(let machine, let path): "\(machine) removes \(path)"
            case .send(let from, let to): "\(from) tells \(to)"
            case .show(let machine): "\(machine) shows"
            case .leave(let machine, let path): "\(machine) makes room of \(path)"
            }
        }
    }

    let rule: CollisionRule
    var machines: [Machine]
    /// Versions that a machine which had them before its eyes wrote over or removed.
    var retired: Set<Dot> = []
    var all: Set<Dot> = []

    init(_ count: Int, _ rule: CollisionRule) {
        self.rule = rule
        machines = Array(repeating: Machine(), count: count)
    }

    func map(_ machine: Int) -> SharedMap {
        var map = SharedMap(rule)
        for (name, entry) in machines[machine].entries { map.merge(name, entry) }
        return map
    }

    /// - Returns: false for what a program can't do there.
    mutating func take(_ step: Step) -> Bool {
        switch step {
        case .write(let number, let text):
            guard let path = RelativePath(text), mayWrite(path, number) else { return false }
            write(path, .init(kind: .file, size: 1, digest: Digest(of: "\(next(number))")), number)
        case .remove(let number, let text):
            guard let path = RelativePath(text), let lying = machines[number].disk[path], !lying.isFolder else {
                return false
            }
            remove(path, lying, number)
        case .leave(let number, let text):
            guard let path = RelativePath(text), let lying = machines[number].disk[path], !lying.isFolder,
                lying.name == path, let versions = machines[number].entries[path]?.versions,
                versions.map(\.dot) == [lying.dot],
                machines.indices.contains(where: { other in
                    other != number && machines[other].entries[path]?.seen.covers(lying.dot) ?? false
                })
            else { return false }
            machines[number].disk[path] = nil
        case .send(let from, let to):
            if machines[from].entries == machines[to].entries { return false }
            for (name, entry) in machines[from].entries {
                machines[to].entries[name, default: Entry()].merge(entry)
            }
        case .show(let number):
            let disk = map(number).view.mapValues {
                Lying(name: $0.name, dot: $0.version.dot, isFolder: $0.version.content.kind == .folder)
            }
            if disk == machines[number].disk { return false }
            machines[number].disk = disk
        }
        return true
    }

    private func next(_ number: Int) -> Dot { Dot("m\(number)", machines[number].written + 1) }

    private func mayWrite(_ path: RelativePath, _ number: Int) -> Bool {
        let disk = machines[number].disk
        if disk[path]?.isFolder ?? false || disk.keys.contains(where: { $0.string.begins(with: path.string + "/") }) {
            return false
        }
        var above = path.parent
        while let folder = above {
            if let lying = disk[folder], !lying.isFolder { return false }
            above = folder.parent
        }
        return true
    }

    private mutating func write(_ path: RelativePath, _ content: FileContent, _ number: Int) {
        let dot = next(number)
        machines[number].written += 1
        let before = machines[number].disk[path]
        if let before { retired.insert(before.dot) }
        all.insert(dot)
        var map = map(number)
        // A version that was kept beside becomes a file of its own.
        if let before, before.name != path {
            map.remove(before.name, before.dot, as: dot, modified: 0)
            map.write(path, content, as: dot, modified: 0, replacing: nil)
        } else {
            map.write(path, content, as: dot, modified: 0, replacing: before?.dot)
        }
        machines[number].entries = map.entries
        machines[number].disk[path] = Lying(name: path, dot: dot, isFolder: false)
    }

    private mutating func remove(_ path: RelativePath, _ lying: Lying, _ number: Int) {
        let dot = next(number)
        machines[number].written += 1
        retired.insert(lying.dot)
        var map = map(number)
        map.remove(lying.name, lying.dot, as: dot, modified: 0)
        machines[number].entries = map.entries
        machines[number].disk[path] = nil
    }

    /// What is wrong once all have told each other everything; nil where nothing is.
    var fault: String? {
        var model = self
        for _ in 1...2 {
            for from in machines.indices {
                for to in machines.indices where from != to { _ = model.take(.send(from, to)) }
            }
        }
        let map = model.map(0)
        let view = map.view
        if view != map.viewAnew { return "the view was not renewed" }
        for number in machines.indices.dropFirst() {
            if model.machines[number].entries != model.machines[0].entries { return "the maps differ" }
            if model.map(number).view != view { return "the same map is shown otherwise" }
        }
        let shown = Set(view.values.map(\.version.dot))
        if shown.count != view.count { return "a version is shown twice" }
        if let back = shown.intersection(retired).min() { return "\(back) came back" }
        if rule != .newest, let lost = all.subtracting(retired).subtracting(shown).min() { return "\(lost) is lost" }
        for path in view.keys {
            var above = path.parent
            while let folder = above {
                if let lying = view[folder], lying.version.content.kind != .folder {
                    return "\(folder) holds something"
                }
                above = folder.parent
            }
        }
        return nil
    }
}
