internal import Bundle
internal import Failures
internal import Files
internal import JSON
internal import Parts
internal import Plan
internal import Terminal
internal import Unpacking

/// A bundle that is run on other files: its metro's image is written anew with them, its environments stay as they are.
extension RunMaterial {
    /// - Parameter inputs: what the command line gives to its inputs.
    func replacing(_ inputs: [ReplacedInputs.Value], _ context: Context) async throws -> RunMaterial {
        guard let metro = parts.first(where: { $0.kind == .metro }) else { return self }
        let folder = try Folder.makeTemporary(in: context.lash.temporary, named: "metro")
        defer { try? Folder.remove(folder) }
        try ImageReader(PartStore(context.lash).whole(metro)).unpack(into: folder)
        let plan = try Self.plan { try File.read(folder + "/plan.json", atMost: 256 << 20) }
        let replaced = try ReplacedInputs.find(inputs, known: plan.replaceable)
        let bringing = Bringing(context: context, display: DepotDisplay(context.terminal))
        let (fetched, _) = try await bringing.fetch(replaced.remote, update: "las pack")
        let brought = try await bringing.unpack(plan.archives(of: replaced, fetched), fetched)
        let changed = try plan.replacing(replaced, brought: brought)
        let image = try Self.image(of: folder, changed, without: replaced.names)
        let part = try Stage.during(context.terminal, "writing the metro's own image") { stage in
            try ImageWriter(context.lash).metro(image, named: metro.name) { stage.update(done: $0, of: $1) }
        }
        return RunMaterial(metro: self.metro, plan: changed, parts: parts.map { $0.kind == .metro ? part : $0 })
    }

    /// - Returns: the names of the inputs that would be replaced.
    static func replaced(_ inputs: [ReplacedInputs.Value], in bundle: BundleFile) throws -> [String] {
        let plan = try plan {
            let path = try Packing.path("plan.json")
            return try ImageReader(bundle.path, offset: bundle.metro.offset).read(path, atMost: 256 << 20)
        }
        return try ReplacedInputs.find(inputs, known: plan.replaceable).names
    }

    private static func plan(_ read: () throws -> [UInt8]) throws -> Plan {
        struct Version: Decodable { let version: Int }
        let value: JSONValue
        do {
            value = try JSONText.parse(try read())
            let version = try value.decode(Version.self).version
            if version == Plan.currentVersion { return try value.decode(Plan.self) }
            throw UsageFailure(
                "the inputs of this bundle can't be replaced: its plan has version \(version), and this las knows \(Plan.currentVersion)",
                fix: "pack the metro with this las")
        } catch let failure as UsageFailure {
            throw failure
        } catch {
            throw UsageFailure(
                "the inputs of this bundle can't be replaced: its plan can't be read",
                fix: "pack the metro with this las")
        }
    }

    /// All that the old image holds save its plan and the files of the inputs that are replaced, and what takes their place.
    private static func image(of folder: String, _ plan: Plan, without names: [String]) throws -> MetroImage {
        var image = MetroImage()
        let gone = names.map { "inputs/\($0)" }
        func add(_ inside: String) throws {
            for name in try Folder.names(in: inside.isEmpty ? folder : "\(folder)/\(inside)") {
                let path = inside.isEmpty ? name : "\(inside)/\(name)"
                if path == "plan.json" || gone.contains(path) { continue }
                if File.status("\(folder)/\(path)")?.kind == .folder {
                    image.addFolder(try Packing.path(path))
                    try add(path)
                } else {
                    try image.add(try Packing.path(path), fileAt: "\(folder)/\(path)")
                }
            }
        }
        try add("")
        image.add(try Packing.path("plan.json"), bytes: JSONText.encode(plan))
        for file in plan.packedFiles where gone.contains(where: { file.path.begins(with: $0 + "/") }) {
            if case .file(let from) = file.content { try image.add(try Packing.path(file.path), fileAt: from) }
        }
        return image
    }
}
