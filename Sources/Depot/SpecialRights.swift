internal import Files
internal import Layers

/// Files that packages, or their scripts, give the rights of another user or of root: setuid, setgid, capabilities. In a bundle
/// nothing has more rights than who runs it, so they do without.
struct SpecialRights {
    var lost: Set<RelativePath> = []

    /// Of packages' layers: `rights` beside a layer's tree has the paths, each with a NUL after it.
    init(of layers: [Layer]) {
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
    var note: String? {
        if lost.isEmpty { return nil }
        let names = lost.sorted().map(\.string)
        let shown = names.prefix(Self.shown).joined(separator: ", ")
        let more = names.count > Self.shown ? " and \(names.count - Self.shown) more" : ""
        let rights = "special rights that their packages give them (setuid, setgid, capabilities)"
        return "without the \(rights): \(shown)\(more)"
    }

    private static let shown = 4
}
