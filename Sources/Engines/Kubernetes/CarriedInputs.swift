internal import Digests
internal import Failures
package import Files
package import Plan

/// Other inputs than those that the image holds, brought by the manifest itself, as Kubernetes' ConfigMaps: for what is small.
///
/// The image's own plan gives way to one that knows them.
package struct CarriedInputs: Sendable {
    struct File: Sendable {
        /// Below the metro's folder: `inputs/reads/s1.fq`.
        let path: String
        let bytes: [UInt8]
    }

    /// Of the inputs that are replaced, sorted.
    let names: [String]
    /// `plan.json` first.
    let files: [File]

    /// What fits in an object that kubectl can keep a copy of.
    private static let largestFile = 100_000
    private static let mostBytes = 1_000_000
    private static let mostFiles = 2000

    /// - Parameters:
    ///   - names: of the inputs that are replaced.
    ///   - plan: with the files of these.
    ///   - text: the plan's, as it is written down.
    ///   - read: the bytes of a file of the metro's own image, by its path there.
    /// - Throws: for what is too large for an object of the cluster.
    package init(
        _ names: [String], of plan: Plan, text: [UInt8], read: (RelativePath) throws -> [UInt8]
    ) throws {
        self.names = names.sorted()
        var files = [File(path: "plan.json", bytes: text)]
        for input in plan.inputs where names.contains(input.name) {
            for file in input.files ?? [] {
                for inside in file.contents ?? [""] {
                    let whole = inside.isEmpty ? file.path : "\(file.path)/\(inside)"
                    guard let path = whole.after("/.las/"), let place = RelativePath(path) else { continue }
                    files.append(File(path: path, bytes: try read(place)))
                }
            }
        }
        let size = files.reduce(0) { $0 + $1.bytes.count }
        let largest = files.max { $0.bytes.count < $1.bytes.count }
        guard size <= Self.mostBytes, files.count <= Self.mostFiles, largest?.bytes.count ?? 0 <= Self.largestFile
        else {
            throw EngineFailure(
                "\(names.joined(separator: ", ")): these files are too large to be brought by the manifest",
                cause:
                    "\(Amounts.count(files.count, "file")) of \(Amounts.bytes(Int64(size))), the largest \(Shown.text(largest?.path ?? "")) of \(Amounts.bytes(Int64(largest?.bytes.count ?? 0))); objects of Kubernetes take \(Amounts.bytes(Int64(Self.largestFile))) each, and this much of \(Amounts.bytes(Int64(Self.mostBytes)))",
                fix:
                    "send them with the metro: las push METRO --input NAME=FILES REGISTRY/NAME:TAG, and name that image"
            )
        }
        self.files = files
    }
}

/// The objects that bring them, and where pods find them.
extension KubernetesManifest {
    /// ConfigMaps with the bytes, and the volume that puts them together.
    ///
    /// A volume of ConfigMaps holds links at its top, and what is below them are files: it is mounted folder by folder.
    var carried: (objects: [KubernetesObject], volume: YAML, places: [(inside: String, place: String)])? {
        guard let inputs = options.inputs else { return nil }
        var maps: [(data: [YAML.Member], items: [YAML])] = []
        var size = Self.largestText
        for file in inputs.files {
            let text = Base64.encode(file.bytes)
            let cost = text.utf8.count + 2 * file.path.utf8.count + 100
            if size + cost > Self.largestText {
                maps.append(([], []))
                size = 0
            }
            size += cost
            let key = "f\(maps[maps.count - 1].data.count)"
            maps[maps.count - 1].data.append(.init(key, .text(text), comment: file.path))
            maps[maps.count - 1].items.append(["key": .text(key), "path": .text(file.path)])
        }
        let names = maps.indices.map { "\(name)-inputs" + (maps.count > 1 ? "-\($0 + 1)" : "") }
        let objects = zip(names, maps).enumerated().map { number, map in
            KubernetesObject(
                about: number == 0
                    ? [
                        "The files of \(inputs.names.joined(separator: ", ")) in the place of those that the image holds, and the plan that knows them."
                    ] : [],
                .group([
                    .init("apiVersion", "v1"), .init("kind", "ConfigMap"), .init("metadata", metadata(map.0)),
                    .init("immutable", true), .init("binaryData", .group(map.1.data)),
                ]))
        }
        let sources: [YAML] = zip(names, maps).map { name, map in
            ["configMap": ["name": .text(name), "items": .list(map.items)]]
        }
        let places =
            [("plan.json", "/.las/plan.json")] + inputs.names.map { ("inputs/\($0)", "/.las/inputs/\($0)") }
        return (
            objects, ["name": "inputs", "projected": ["sources": .list(sources)]],
            places.map { (inside: $0.0, place: $0.1) }
        )
    }
}
