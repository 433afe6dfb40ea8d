internal import Digests
internal import Failures
package import Files
internal import Glibc
package import Plan

/// The files of a metro's image for the keys of its tasks: they are listed and read, whatever a plan says of them.
///
/// Of one thread at a time.
package final class MetroFiles {
    enum Content {
        case file(String)
        case bytes([UInt8])
    }

    private let counted: CountedFiles
    /// What lies at a path of the image.
    private let content: (String) throws -> Content
    /// Where the digests are kept for the next run of the same image; nil for no image.
    private let record: String?
    private let lash: LASH
    /// Of the metro's image where a stranger packed it.
    private let scope: Digest?
    /// By their paths in the image.
    private var files: [String: Seen] = [:]
    private var places: [ExactText: Digest] = [:]
    private var looks: [String: ScriptLook] = [:]
    private var programs: [String: Bool] = [:]
    private var isNew = false

    private struct Seen: Hashable, Sendable, Codable {
        let digest: Digest
        let isProgram: Bool
    }

    /// Scripts that are larger are programs or data, which are not looked through.
    private static let longestScript = 8 << 20

    /// - Parameter root: the image, reached.
    /// - Throws: where it holds what no image of ours holds.
    init(_ image: ImageLocation, root: String, _ plan: Plan, in lash: LASH, isStranger: Bool = false) throws {
        scope = isStranger ? image.digest : nil
        let inputs = try Self.files(below: "inputs", in: root).map { "/.las/" + $0 }
        var scripts = ["": try Self.files(below: "files", in: root)]
        for metro in plan.metros {
            guard let path = RelativePath(metro.path) else { continue }
            scripts[metro.path] = try Self.files(below: "files", in: "\(root)/metros/\(path)")
        }
        counted = CountedFiles(inputs: inputs, scripts: scripts)
        content = { .file("\(root)/\($0)") }
        let record = "\(lash.tasks)/images/\(image.digest.hex)"
        (self.record, self.lash) = (record, lash)
        files = SealedFile.read([String: Seen].self, record) ?? [:]
    }

    /// What the image of a plan will hold, before there is one.
    ///
    /// - Parameter folder: the metro's.
    package init(_ plan: Plan, folder: String, in lash: LASH) {
        let packed = Dictionary(
            plan.packedFiles.map { (ExactText($0.path), $0.content) }, uniquingKeysWith: { first, _ in first })
        counted = CountedFiles(plan)
        content = { path in
            switch packed[ExactText(path)] {
            case .text(let text)?: return .bytes(Array(text.utf8))
            case .file(let place)?:
                guard let real = File.real(place.begins(with: "/") ? place : "\(folder)/\(place)") else {
                    throw FileFailure("read", place)
                }
                return .file(real)
            case nil: throw FileFailure("find", path, code: ENOENT)
            }
        }
        (record, self.lash, scope) = (nil, lash, nil)
    }

    /// Relative to `root`.
    private static func files(below folder: String, in root: String) throws -> [String] {
        guard File.status("\(root)/\(folder)")?.kind == .folder else { return [] }
        var found: [String] = []
        for name in try Folder.names(in: "\(root)/\(folder)") {
            let path = "\(folder)/\(name)"
            switch File.status("\(root)/\(path)")?.kind {
            case .folder: found += try files(below: path, in: root)
            case .file: found.append(path)
            default: throw ExecutionFailure("the metro's image has something at \(path) that is no file")
            }
        }
        return found
    }

    // MARK: Keys

    /// What a task is known by; nil for one whose result can't be told from what is known of it.
    ///
    /// - Parameters:
    ///   - reads, before: what the tasks made that it takes, and the turn before it.
    ///   - environment: the image, and where it is reached; nil where it is not.
    func key(
        of task: PlannedTask, _ station: PlannedStation?, reads: [String: Digest], before: Digest?,
        environment: (digest: Digest, root: String?)
    ) throws -> ContentKey? {
        if !task.dependsOnItsContentsOnly { return nil }
        let metro = task.scripts.map { "metros/\($0)/" } ?? ""
        let reach = try counted.reach(
            of: task, station, isInEnvironment: { hasProgram($0, in: environment.root) }
        ) { try look(at: metro + $0, of: task.scripts) }
        if reach.isOpen { return nil }
        var inputs: [String: Digest] = [:]
        for place in counted.places(of: task, reach) { inputs[place] = try digest(at: place) }
        var scripts: [String: Digest] = [:]
        for path in reach.scripts {
            let seen = try seen(metro + path)
            var fold = FoldedDigest()
            fold.add(path, .file(seen.digest, isProgram: seen.isProgram))
            scripts[path] = fold.digest
        }
        return ContentKey(
            task, environment: environment.digest, inputs: inputs, scripts: scripts, reads: reads, before: before,
            scope: scope)
    }

    private func hasProgram(_ name: String, in root: String?) -> Bool {
        guard let root else { return false }
        let place = "\(root)/\(name)"
        if let known = programs[place] { return known }
        let folders = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"]
        let hasIt = folders.contains { File.status("\(root)/\($0)/\(name)") != nil }
        programs[place] = hasIt
        return hasIt
    }

    private func digest(at place: String) throws -> Digest {
        if let known = places[ExactText(place)] { return known }
        var fold = FoldedDigest()
        for path in counted.files(at: place) {
            let seen = try seen(path.after("/.las/") ?? path)
            fold.add(path, .file(seen.digest, isProgram: seen.isProgram))
        }
        places[ExactText(place)] = fold.digest
        return fold.digest
    }

    private func seen(_ path: String) throws -> Seen {
        if let known = files[path] { return known }
        let seen: Seen
        switch try content(path) {
        case .bytes(let bytes): seen = Seen(digest: Digest(of: bytes), isProgram: false)
        case .file(let place):
            guard let status = File.status(place) else { throw FileFailure("read", place) }
            seen = Seen(digest: try FileDigest.digest(of: place), isProgram: status.mode & 0o111 != 0)
        }
        files[path] = seen
        isNew = true
        return seen
    }

    private func look(at path: String, of metro: String?) throws -> ScriptLook {
        if let known = looks[path] { return known }
        let look: ScriptLook
        switch try content(path) {
        case .bytes(let bytes): look = counted.look(at: bytes, of: metro)
        case .file(let place):
            let isShort = File.status(place).map { $0.size <= Int64(Self.longestScript) } ?? false
            look = counted.look(at: isShort ? try File.read(place) : nil, of: metro)
        }
        looks[path] = look
        return look
    }

    /// The image's digest stands for its files: they need not be read in the next run.
    func keep() {
        if isNew, let record { try? SealedFile.write(files, to: record, beside: lash.temporary) }
        isNew = false
    }

    /// The inputs' files that were read, as tasks see them, and their digests in short.
    var inputDigests: [String: String] {
        var digests: [String: String] = [:]
        for (path, seen) in files where path.begins(with: "inputs/") { digests["/.las/" + path] = seen.digest.short }
        return digests
    }
}
