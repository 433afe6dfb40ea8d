package import Files
internal import Layers

/// Files that were given the rights of another user or of root: setuid, setgid, capabilities. In a bundle nothing has more
/// rights than who runs it, so they do without.
package struct SpecialRights: Sendable {
    var lost: Set<RelativePath>

    package init(_ lost: Set<RelativePath> = []) { self.lost = lost }

    /// Who gave them, as a sentence says it.
    package enum Giver: String {
        case packages = "their packages give them"
        case build = "their build gives them"
        case machine = "they have on this machine"
        case metro = "they have in the metro’s folder"
    }

    /// Of packages' layers: `rights` beside a layer's tree has the paths, each with a NUL after it.
    init(of layers: [Layer]) {
        lost = []
        for layer in layers {
            guard let text = try? File.read(Self.file(in: File.parent(of: layer.tree)), atMost: 1 << 20) else {
                continue
            }
            for path in text.split(separator: 0) {
                if let path = RelativePath(String(decoding: path, as: UTF8.self)) { lost.insert(path) }
            }
        }
    }

    /// - Parameter folder: the layer's.
    static func write(_ paths: [RelativePath], in folder: String) throws(FileFailure) {
        if paths.isEmpty { return }
        try File.create(file(in: folder), paths.sorted().map { $0.string + "\0" }.joined())
    }

    private static func file(in folder: String) -> String { folder + "/rights" }

    /// One sentence; nil where none loses anything.
    package func note(givenBy giver: Giver) -> String? {
        if lost.isEmpty { return nil }
        let names = lost.sorted().map(\.string)
        let shown = names.prefix(Self.shown).joined(separator: ", ")
        let more = names.count > Self.shown ? " and \(names.count - Self.shown) more" : ""
        let rights = "special rights that \(giver.rawValue) (setuid, setgid, capabilities)"
        return "without the \(rights): \(shown)\(more)"
    }

    private static let shown = 4
}
