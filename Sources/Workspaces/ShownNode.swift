internal import Files
internal import Glibc

/// A file or folder that the kernel knows by a number, in a folder that is shown to programs.
final class ShownNode {
    let number: UInt64
    /// nil for the folder that is shown.
    fileprivate(set) var parent: ShownNode?
    /// Ended by 0, as the system wants it.
    fileprivate(set) var name: [CChar]
    /// What lies there, as it was seen last: 0 for what is known and not here.
    var inode: UInt64 = 0
    /// Its name is another one's now, or nobody's.
    fileprivate(set) var isGone = false
    /// How often the kernel was told its number.
    fileprivate var lookups: UInt64 = 0
    fileprivate var children = 0
    /// Those that have it open.
    var handles: [ShownHandle] = []
    /// What its bytes were when it was opened last: the kernel may keep them as long as they are.
    var kept: Stamp?

    fileprivate init(_ number: UInt64, in parent: ShownNode?, _ name: [CChar]) {
        (self.number, self.parent, self.name) = (number, parent, name)
    }
}

/// A file or folder that a program has open.
final class ShownHandle {
    let descriptor: Int32
    let appends: Bool
    /// Of a folder what it held when somebody began to read it.
    var listing: [(name: [CChar], inode: UInt64, kind: UInt8)]?

    init(_ descriptor: Int32, appends: Bool = false) { (self.descriptor, self.appends) = (descriptor, appends) }

    deinit { close(descriptor) }
}

/// All that the kernel knows of such a folder. Guarded by who holds it.
struct ShownNodes {
    private struct Place: Hashable {
        let folder: UInt64
        let name: [CChar]
    }

    private var nodes: [UInt64: ShownNode] = [:]
    private var places: [Place: ShownNode] = [:]
    private var next: UInt64 = 2
    private var handles: [UInt64: (handle: ShownHandle, node: ShownNode)] = [:]
    private var nextHandle: UInt64 = 1

    init() { nodes[1] = ShownNode(1, in: nil, []) }

    subscript(number: UInt64) -> ShownNode? { nodes[number] }

    func child(_ name: [CChar], of folder: ShownNode) -> ShownNode? {
        places[Place(folder: folder.number, name: name)]
    }

    /// The kernel is told of what lies there.
    mutating func look(_ name: [CChar], in folder: ShownNode, inode: UInt64) -> ShownNode {
        let place = Place(folder: folder.number, name: name)
        if let known = places[place] {
            // Something else has taken the place: one that has come is still the one that was known.
            if known.inode == 0 || inode == 0 || known.inode == inode {
                if inode != 0 { known.inode = inode }
                known.lookups += 1
                return known
            }
            forgetPlace(known)
        }
        let node = ShownNode(next, in: folder, name)
        next += 1
        (node.inode, node.lookups) = (inode, 1)
        nodes[node.number] = node
        places[place] = node
        folder.children += 1
        return node
    }

    mutating func forget(_ number: UInt64, _ count: UInt64) {
        guard number != 1, let node = nodes[number] else { return }
        node.lookups = node.lookups > count ? node.lookups - count : 0
        drop(node)
    }

    private mutating func drop(_ node: ShownNode) {
        guard node.number != 1, node.lookups == 0, node.children == 0, node.handles.isEmpty else { return }
        if !node.isGone { places[Place(folder: node.parent?.number ?? 0, name: node.name)] = nil }
        nodes[node.number] = nil
        guard let parent = node.parent else { return }
        node.parent = nil
        parent.children -= 1
        drop(parent)
    }

    /// Nothing has its name any more.
    mutating func forgetPlace(_ node: ShownNode) {
        if node.isGone || node.number == 1 { return }
        places[Place(folder: node.parent?.number ?? 0, name: node.name)] = nil
        node.isGone = true
        drop(node)
    }

    mutating func move(_ name: [CChar], of from: ShownNode, to new: [CChar], of to: ShownNode, exchanging: Bool) {
        let node = child(name, of: from)
        let other = child(new, of: to)
        if let node { places[Place(folder: from.number, name: name)] = nil; node.isGone = true }
        if let other {
            if exchanging {
                places[Place(folder: to.number, name: new)] = nil
                other.isGone = true
            } else {
                forgetPlace(other)
            }
        }
        if let node { put(node, new, to) }
        if exchanging, let other { put(other, name, from) }
    }

    private mutating func put(_ node: ShownNode, _ name: [CChar], _ folder: ShownNode) {
        let before = node.parent
        (node.parent, node.name, node.isGone) = (folder, name, false)
        places[Place(folder: folder.number, name: name)] = node
        folder.children += 1
        before?.children -= 1
        if let before { drop(before) }
    }

    mutating func open(_ handle: ShownHandle, of node: ShownNode) -> UInt64 {
        nextHandle += 1
        handles[nextHandle] = (handle, node)
        node.handles.append(handle)
        return nextHandle
    }

    func handle(_ number: UInt64) -> ShownHandle? { handles[number]?.handle }

    mutating func release(_ number: UInt64) {
        guard let (handle, node) = handles.removeValue(forKey: number) else { return }
        node.handles.removeAll { $0 === handle }
        drop(node)
    }

    /// The names that lead to it, the first one first; nil for what has no name any more.
    func names(to node: ShownNode) -> [[CChar]]? {
        var (names, at): ([[CChar]], ShownNode) = ([], node)
        while at.number != 1 {
            guard !at.isGone, let parent = at.parent else { return nil }
            names.append(at.name)
            at = parent
        }
        return names.reversed()
    }
}
