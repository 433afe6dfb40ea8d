internal import Failures
internal import Metro

/// What a person changes of a manifest that las does not know: parts of objects, merged into those of the same kind, and of the
/// same name where the patch has one, as Kubernetes' strategic merge does.
package struct KubernetesPatch: Sendable {
    private let documents: [(kind: String, name: String?, value: YAML)]

    /// - Parameters:
    ///   - text: one YAML document or several, with `---` between.
    ///   - file: for messages.
    package init(_ text: [UInt8], file: String) throws(EngineFailure) {
        var documents: [(String, String?, YAML)] = []
        for part in Self.parts(of: text) {
            let read: YAML
            do { read = YAML(try PlainYAML.read(part, file: file)) } catch {
                throw EngineFailure("the patch can't be read", cause: error.diagnostics.first?.description)
            }
            if read == .nothing || read == .text("") { continue }
            guard case .group = read, let kind = read["kind"]?.text else {
                throw EngineFailure(
                    "the patch does not say what it changes", place: file,
                    fix: "begin each part of it with “kind: Job”, and “metadata: { name: … }” where only one is meant")
            }
            documents.append((kind, read["metadata"]?["name"]?.text, read))
        }
        self.documents = documents
    }

    /// The lines of a document begin with those before, so that places in messages are right.
    private static func parts(of text: [UInt8]) -> [[UInt8]] {
        var parts: [[UInt8]] = [[]]
        for (number, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if line.starts(with: "---".utf8), line.dropFirst(3).allSatisfy({ $0 == UInt8(ascii: " ") || $0 == 13 }) {
                parts.append(Array(repeating: UInt8(ascii: "\n"), count: number + 1))
            } else {
                parts[parts.count - 1] += line + [UInt8(ascii: "\n")]
            }
        }
        return parts
    }

    /// - Throws: for a patch that no object is meant by.
    package func applied(to objects: [KubernetesObject]) throws(EngineFailure) -> [KubernetesObject] {
        var objects = objects
        for (kind, name, value) in documents {
            let numbers = objects.indices.filter {
                objects[$0].kind == kind && (name == nil || objects[$0].name == name)
            }
            guard !numbers.isEmpty else {
                let kinds = objects.map { name == nil ? $0.kind : $0.name }
                let near = Suggestion.nearest(to: name ?? kind, among: kinds)
                throw EngineFailure(
                    "the patch is for a \(Shown.text(kind))\(name.map { " named “\(Shown.text($0))”" } ?? ""), and the manifest has none",
                    fix: near.map { "did you mean \($0)?" })
            }
            for number in numbers { objects[number].value = objects[number].value.merged(with: value, at: "") }
        }
        return objects
    }
}

extension YAML {
    /// What is plain is typed as kubectl types it; what stands in quotes is text.
    init(_ plain: PlainYAML) {
        switch plain {
        case .text(let text, let isPlain):
            if !isPlain {
                self = .text(text)
            } else if ["", "~", "null", "Null", "NULL"].contains(text) {
                self = .nothing
            } else if ["true", "True", "TRUE"].contains(text) {
                self = true
            } else if ["false", "False", "FALSE"].contains(text) {
                self = false
            } else if let number = Int64(text), "\(number)" == text {
                self = .number(number)
            } else {
                self = .text(text)
            }
        case .list(let items): self = .list(items.map { YAML($0) })
        case .group(let members): self = .group(members.map { Member($0.key, YAML($0.value)) })
        }
    }

    /// What tells apart the items of lists that are merged rather than replaced.
    private static let keys = [
        "containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "volumeMounts": "mountPath",
        "imagePullSecrets": "name", "ports": "containerPort", "hostAliases": "ip", "volumeDevices": "devicePath",
        "topologySpreadConstraints": "topologyKey", "resourceClaims": "name",
    ]

    /// `$patch: replace` or `delete` in a group says so of it; `null` takes a key away.
    ///
    /// - Parameter place: the key that it stands under.
    fileprivate func merged(with patch: YAML, at place: String) -> YAML {
        switch (self, patch) {
        case (.group(var members), .group(let changes)):
            if patch["$patch"] == "replace" { return patch.withoutDirectives }
            for change in changes where change.key != "$patch" {
                let number = members.firstIndex { $0.key == change.key }
                if change.value == .nothing || change.value["$patch"] == "delete" {
                    if let number { members.remove(at: number) }
                } else if let number {
                    members[number].value = members[number].value.merged(with: change.value, at: change.key)
                } else {
                    members.append(Member(change.key, change.value.withoutDirectives))
                }
            }
            return .group(members)
        case (.list(var items), .list(let changes)):
            guard let key = Self.keys[place] else { return patch.withoutDirectives }
            for change in changes {
                let number = items.firstIndex { $0[key] != nil && $0[key] == change[key] }
                if change["$patch"] == "delete" {
                    if let number { items.remove(at: number) }
                } else if let number {
                    items[number] = items[number].merged(with: change, at: "")
                } else {
                    items.append(change.withoutDirectives)
                }
            }
            return .list(items)
        default: return patch.withoutDirectives
        }
    }

    private var withoutDirectives: YAML {
        switch self {
        case .group(let members):
            .group(
                members.filter { $0.key != "$patch" && $0.value != .nothing }.map {
                    Member($0.key, $0.value.withoutDirectives, comment: $0.comment)
                })
        case .list(let items): .list(items.map(\.withoutDirectives))
        default: self
        }
    }
}
