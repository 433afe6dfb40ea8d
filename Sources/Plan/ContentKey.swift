package import Digests
internal import JSON

/// All that decides what a task makes, and so what it is known by in every run: its command with its values, what it finds
/// where it looks, and what counts as its result.
///
/// Not in it: what it is called, the metro, the host, the folders of this machine, when files were written, what the task
/// `uses` and how often it is tried. Every digest is of bytes that were read where the task runs; nothing that a plan says
/// of them is believed, since a plan may come from anyone.
package struct ContentKey: Hashable, Sendable {
    /// Counted up whenever tasks of the same key would be shown something else than before.
    private static let version = 1

    package let task: PlannedTask
    /// Of the environment's image.
    package let environment: Digest
    /// What lies where it looks among the inputs: by the place, a folder or a file, all that counts there.
    package let inputs: [String: Digest]
    /// The metro's own scripts that count for it, by their paths: `files/bin/plot.py`.
    package let scripts: [String: Digest]
    /// What lies in the folders of other tasks that it takes, by their names below `made`.
    package let reads: [String: Digest]
    /// What the turn before made, where `until` compares with it.
    package let before: Digest?
    /// The image of a metro that a stranger packed: what its tasks make is for that metro alone.
    package let scope: Digest?

    package init(
        _ task: PlannedTask, environment: Digest, inputs: [String: Digest] = [:], scripts: [String: Digest] = [:],
        reads: [String: Digest] = [:], before: Digest? = nil, scope: Digest? = nil
    ) {
        self.scope = scope
        (self.task, self.environment, self.inputs, self.scripts) = (task, environment, inputs, scripts)
        (self.reads, self.before) = (reads, before)
    }

    /// The key.
    package var digest: Digest {
        Digest(of: JSONText.bytes(of: settings(with: ["command": JSONValue(encoding: task.command), "seen": seen])))
    }

    /// Of the command alone.
    package var command: Digest { Digest(of: JSONText.encode(task.command)) }
    /// Of what the metro says of the task besides its command: outputs, variables, turns, seed.
    package var settings: Digest { Digest(of: JSONText.bytes(of: settings(with: [:]))) }

    private var seen: JSONValue {
        // Left out where there is none, as it was before there was such a thing.
        .object(seenByAll.merging(scope.map { ["scope": .string($0.hex)] } ?? [:]) { $1 })
    }

    private var seenByAll: [String: JSONValue] {
        [
            "environment": .string(environment.hex), "inputs": Self.json(inputs), "scripts": Self.json(scripts),
            "reads": Self.json(reads), "before": before.map { .string($0.hex) } ?? .null,
        ]
    }

    private static func json(_ digests: [String: Digest]) -> JSONValue {
        // A list: names that are different to the system may be equal as texts.
        .array(
            digests.map { ($0.key, $0.value.hex) }.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
                .map { .array([.string($0.0), .string($0.1)]) })
    }

    private func settings(with more: [String: JSONValue]) -> JSONValue {
        // What was added later is left out where it is as it always was.
        var later: [String: JSONValue] = task.isWritable ? ["writable": .bool(true)] : [:]
        if !task.secrets.isEmpty { later["secrets"] = .array(task.secrets.map { .string($0) }) }
        return .object(
            more.merging(later) { $1 }.merging([
                "las": "what a task is known by", "version": .integer(Int64(Self.version)),
                "outputs": JSONValue(encoding: task.outputs),
                "savesPrinted": task.savesPrinted.map { .string($0) } ?? .null,
                "variables": Self.json(task.variables), "turn": Self.json(task.turn), "seed": Self.json(task.seed),
                "until": JSONValue(encoding: task.until), "checks": task.checks.map { .string($0) } ?? .null,
            ]) { $1 })
    }

    private static func json(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }

    private static func json(_ texts: [String: String]) -> JSONValue {
        .object(texts.mapValues { .string($0) })
    }
}

/// Several files under their names as one digest: a folder, or some files that lie together.
package struct FoldedDigest {
    package enum Entry: Hashable, Sendable {
        case file(Digest, isProgram: Bool)
        case folder
        case link(target: String)
    }

    private var entries: [(path: String, entry: Entry)] = []

    package init() {}

    package mutating func add(_ path: String, _ entry: Entry) { entries.append((path, entry)) }

    /// The same in whatever order they were added.
    package var digest: Digest {
        var hasher = SHA256()
        hasher.update("las: files under their names, 1\0")
        for (path, entry) in entries.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
            // Neither paths nor links' targets hold a NUL.
            hasher.update(path + "\0")
            switch entry {
            case .file(let digest, let isProgram): hasher.update((isProgram ? "program " : "file ") + digest.hex + "\0")
            case .folder: hasher.update("folder\0")
            case .link(let target): hasher.update("link " + target + "\0")
            }
        }
        return hasher.digest()
    }
}
