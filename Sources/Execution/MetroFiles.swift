internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Plan

/// The files of a metro's image for the keys of its tasks: what lies there is listed and read, whatever the plan says of it.
///
/// Of one thread at a time.
final class MetroFiles {
    private let image: ImageLocation
    private let root: String
    private let lash: LASH
    private let counted: CountedFiles
    /// By their paths in the image.
    private var files: [String: Seen]
    private var places: [ExactText: Digest] = [:]
    private var looks: [String: ScriptLook] = [:]
    private var programs: [String: Bool] = [:]
    private var isNew = false

    private struct Seen: Hashable, Sendable, Codable {
        let digest: Digest
        let isProgram: Bool
    }

    /// Scripts that are larger are programs or data, which are not looked through.
    private static let longestScript: Int64 = 8 << 20

    /// - Parameter root: the image, reached.
    /// - Throws: where it holds what no image of ours holds.
    init(_ image: ImageLocation, root: String, _ plan: Plan, in lash: LASH) throws {
        (self.image, self.root, self.lash) = (image, root, lash)
        let inputs = try Self.files(below: "inputs", in: root).map { "/.las/" + $0 }
        var scripts = ["": try Self.files(below: "files", in: root)]
        for metro in plan.metros {
            guard let path = RelativePath(metro.path) else { continue }
            scripts[metro.path] = try Self.files(below: "files", in: "\(root)/metros/\(path)")
        }
        counted = CountedFiles(inputs: inputs, scripts: scripts)
        files = SealedFile.read([String: Seen].self, Self.record(of: image, lash)) ?? [:]
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
    ///   - environment: the image, and where it is reached.
    func key(
        of task: PlannedTask, _ station: PlannedStation?, reads: [String: Digest], before: Digest?,
        environment: (digest: Digest, root: String)
    ) throws -> ContentKey? {
        if task.usesNetwork { return nil }
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
            task, environment: environment.digest, inputs: inputs, scripts: scripts, reads: reads, before: before)
    }

    private func hasProgram(_ name: String, in root: String) -> Bool {
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
        guard let status = File.status("\(root)/\(path)") else { throw FileFailure("read", path) }
        let seen = Seen(
            digest: try FileDigest.digest(of: "\(root)/\(path)"), isProgram: status.mode & 0o111 != 0)
        files[path] = seen
        isNew = true
        return seen
    }

    private func look(at path: String, of metro: String?) throws -> ScriptLook {
        if let known = looks[path] { return known }
        let isShort = File.status("\(root)/\(path)").map { $0.size <= Self.longestScript } ?? false
        let look = counted.look(at: isShort ? try File.read("\(root)/\(path)") : nil, of: metro)
        looks[path] = look
        return look
    }

    // MARK: Kept for the next run of the same image

    private static func record(of image: ImageLocation, _ lash: LASH) -> String {
        "\(lash.tasks)/images/\(image.digest.hex)"
    }

    /// The image's digest stands for its files: they need not be read in the next run.
    func keep() {
        if isNew { try? SealedFile.write(files, to: Self.record(of: image, lash), beside: lash.temporary) }
        isNew = false
    }
}
