extension Lock {
    /// What is otherwise than in another lock, a sentence for each change; nothing where they are alike.
    package func changes(from old: Lock) -> [String] {
        var changes: [String] = []
        if architecture != old.architecture {
            changes.append("for \(architecture), and before for \(old.architecture)")
        }
        for name in Set(environments.keys).union(old.environments.keys).sorted() {
            let of = environments.count > 1 || old.environments.count > 1 ? "\(name): " : ""
            guard let now = environments[name] else {
                changes.append("\(of)the environment is gone")
                continue
            }
            guard let before = old.environments[name] else {
                changes.append("\(of)a new environment, \(now.packages.count) packages")
                continue
            }
            changes += Self.changes(before.packages.map(\.named), now.packages.map(\.named)).map { of + $0 }
            changes += Self.changes(before.wheels.map(\.named), now.wheels.map(\.named)).map { "\(of)\($0) (pip)" }
            changes += Self.changes(before.files.map(\.named), now.files.map(\.named)).map { of + $0 }
            changes += Self.changes(before.host?.files.map(\.named) ?? [], now.host?.files.map(\.named) ?? []).map {
                "\(of)\($0) (of this machine)"
            }
            changes += Self.changes(before.commits.map(\.named), now.commits.map(\.named)).map { of + $0 }
            for tools in Set(now.tools.keys).union(before.tools.keys).sorted() {
                let told = Self.changes(
                    before.tools[tools]?.packages.map(\.named) ?? [], now.tools[tools]?.packages.map(\.named) ?? [])
                if told.count > 12 {
                    changes.append("\(of)\(told.count) changes of what is there for building with \(tools)")
                } else {
                    changes += told.map { "\(of)\($0) (for building)" }
                }
            }
        }
        return changes
    }

    private static func changes(_ before: [Named], _ now: [Named]) -> [String] {
        let old = Dictionary(before.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let new = Dictionary(now.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return Set(old.keys).union(new.keys).sorted().compactMap { name in
            switch (old[name], new[name]) {
            case (let before?, let now?) where before.digest != now.digest || before.version != now.version:
                before.version == now.version
                    ? "\(name) \(now.version), another file" : "\(name) \(before.version) becomes \(now.version)"
            case (nil, let now?): "\(name) \(now.version) is added"
            case (let before?, nil): "\(name) \(before.version) goes"
            default: nil
            }
        }
    }
}

/// A thing of a lock, by what people call it.
private struct Named {
    let name: String
    let version: String
    let digest: String
}

extension LockedPackage {
    fileprivate var named: Named { Named(name: name, version: version, digest: sha256.hex) }
}

extension LockedWheel {
    fileprivate var named: Named { Named(name: name, version: version, digest: sha256.hex) }
}

extension LockedInput {
    fileprivate var named: Named { Named(name: address, version: String(sha256.hex.prefix(12)), digest: sha256.hex) }
}

extension LockedHost.File {
    fileprivate var named: Named { Named(name: from, version: String(sha256.hex.prefix(12)), digest: sha256.hex) }
}

extension LockedCommit {
    fileprivate var named: Named {
        Named(
            name: repository + (asked.map { " at \($0)" } ?? ""), version: String(commit.prefix(12)), digest: commit)
    }
}
