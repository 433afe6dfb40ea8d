package import Digests
internal import Failures
internal import Files

/// What a task was known by, in short: to say afterwards what is otherwise.
package struct KeyParts: Hashable, Sendable, Codable {
    package let key: Digest
    package let environment: Digest
    let command: String
    let settings: String
    let inputs: [String: String]
    let scripts: [String: String]
    let reads: [String: String]
    let before: String?

    package init(_ key: ContentKey) {
        (self.key, environment) = (key.digest, key.environment)
        (command, settings, before) = (key.command.short, key.settings.short, key.before?.short)
        (inputs, scripts) = (key.inputs.mapValues(\.short), key.scripts.mapValues(\.short))
        reads = key.reads.mapValues(\.short)
    }
}

extension KeyParts {
    /// What was taken: inputs, scripts and what other tasks made, by their places and sorted, with their digests in short.
    package var taken: [(place: String, digest: String)] {
        [inputs, scripts, reads].flatMap { digests in
            digests.map { (place: $0.key, digest: $0.value) }
                .sorted { $0.place.utf8.lexicographicallyPrecedes($1.place.utf8) }
        }
    }
}

/// Why a task runs, as a person says it.
package enum RunReason {
    /// What has changed since a task ran for the last time, each in words: "reads/s1.fq changed".
    ///
    /// - Parameters:
    ///   - files: what names inputs' files, by their paths `/.las/inputs/…`, as they are now and as they were then; their
    ///     digests in short.
    ///   - counted: the files that count at a place.
    ///   - needs: what is told of two environments, when more than that they differ is known.
    package static func changes(
        from then: KeyParts, to now: KeyParts, files: (now: [String: String], then: [String: String]),
        needs: (_ then: Digest, _ now: Digest) -> String? = { _, _ in nil }
    ) -> [String] {
        var changes: [String] = []
        if now.command != then.command { changes.append("its command changed") }
        for place in Set(now.inputs.keys).union(then.inputs.keys).sorted(by: precedes)
        where now.inputs[place] != then.inputs[place] {
            let named = differences(files.then, files.now, below: place)
            changes += named.isEmpty ? ["\(shown(place)) changed"] : named
        }
        changes += differences(then.scripts, now.scripts).map { "the script \($0)" }
        if now.environment != then.environment {
            changes.append(needs(then.environment, now.environment) ?? "its needs changed")
        }
        changes += differences(then.reads, now.reads, changed: "made something else")
        if now.settings != then.settings { changes.append("its outputs, variables, turns or seed changed") }
        if now.before != then.before { changes.append("the turn before made something else") }
        return changes
    }

    /// "a and b", "a, b and 3 more".
    package static func text(of changes: [String]) -> String {
        switch changes.count {
        case 0...2: changes.joined(separator: " and ")
        default: "\(changes[0]), \(changes[1]) and \(changes.count - 2) more"
        }
    }

    /// "samtools 1.16.1-1 → 1.17-1", "bwa added"; nil where the packages are the same.
    ///
    /// - Parameter packages: versions by name.
    package static func needs(from then: [String: String], to now: [String: String]) -> String? {
        var changes: [String] = []
        for name in Set(then.keys).union(now.keys).sorted() {
            switch (then[name], now[name]) {
            case (let old?, let new?): if old != new { changes.append("\(name) \(old) → \(new)") }
            case (nil, .some): changes.append("\(name) added")
            case (.some, nil): changes.append("\(name) taken out")
            case (nil, nil): break
            }
        }
        return changes.isEmpty ? nil : "its needs changed (\(text(of: changes)))"
    }

    private static func differences(_ then: [String: String], _ now: [String: String], below place: String) -> [String]
    {
        func counts(_ path: String) -> Bool {
            path.begins(with: place + "/") || path.begins(with: place) && ExactText(path) == ExactText(place)
        }
        return differences(then.filter { counts($0.key) }, now.filter { counts($0.key) })
    }

    private static func differences(
        _ then: [String: String], _ now: [String: String], changed: String = "changed"
    ) -> [String] {
        Set(then.keys).union(now.keys).sorted(by: precedes).compactMap { path in
            switch (then[path], now[path]) {
            case (let old?, let new?): old == new ? nil : "\(shown(path)) \(changed)"
            case (nil, .some): "\(shown(path)) is new"
            case (.some, nil): "\(shown(path)) is gone"
            case (nil, nil): nil
            }
        }
    }

    private static func shown(_ path: String) -> String { Shown.text(path.after("/.las/inputs/") ?? path, atMost: 100) }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}
