internal import Bundle
internal import Depot
internal import Failures
internal import Files
internal import JSON
internal import Layers
internal import Terminal

/// What `las pack --format` writes.
enum PackFormat: String, CaseIterable {
    case bundle, squashfs, tar, oci

    static func asked(_ invocation: Invocation) throws -> PackFormat {
        guard let word = invocation.value("--format") else { return .bundle }
        guard let format = PackFormat(rawValue: word) else {
            throw UsageFailure(
                "there is no format “\(Shown.text(word))”",
                fix: "use one of \(allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return format
    }

    /// Of the file's name, where nobody says another one.
    var ending: String {
        switch self {
        case .bundle: "las"
        case .squashfs: "squashfs"
        case .tar: "tar.zst"
        case .oci: "oci.tar"
        }
    }
}

extension Packing {
    /// Writes the metro in a format without a bundle around it.
    func export(_ format: PackFormat, to output: String, asJSON: Bool) async throws -> ExitCode {
        do { return try await write(format, to: output, asJSON: asJSON) } catch let failure as LayerFailure
            where failure.hasLeft
        {
            context.terminal.say("making again what was damaged in LASH: \(Shown.whole(failure.summary))")
            return try await write(format, to: output, asJSON: asJSON)
        }
    }

    /// Writes the metro as an OCI image, a folder in OCI's layout. What is found damaged on the way is made again, once.
    func ociLayout(at folder: String) async throws {
        do { try await writeLayout(folder) } catch let failure as LayerFailure where failure.hasLeft {
            context.terminal.say("making again what was damaged in LASH: \(Shown.whole(failure.summary))")
            try await writeLayout(folder)
        }
    }

    private func writeLayout(_ folder: String) async throws {
        let trees = try await trees(for: .oci)
        let writer = writer
        try Stage.during(context.terminal, "writing the image") { stage in
            try writer.oci(trees, architecture: try Architecture.ofThisMachine().name, to: folder) {
                stage.update(done: $0, of: $1)
            }
        }
    }

    /// The metro's environments, each with the metro and the runtime in it: one, save for OCI.
    private func trees(for format: PackFormat) async throws -> [ExportedTree] {
        let ground = try await ground()
        let material = try await material(ground)
        for note in material.plan.notes { context.terminal.say("note: " + Shown.whole(note)) }
        guard format == .oci || material.environments.count == 1 else {
            let names = material.environments.map { Shown.text($0.id.name) }.joined(separator: ", ")
            throw UsageFailure(
                "the metro has \(material.environments.count) environments (\(names)), and the format \(format.rawValue) has room for one",
                fix: "pack it as a bundle, or give all stations the same needs")
        }
        var image = try image(of: material.plan, ground.lock, material.notes)
        try image.add(try Self.path("las-runtime"), fileAt: context.runtime())
        if format == .oci { try image.add(try Self.path("las-conductor"), fileAt: context.conductor()) }
        // In the order of the plan: the first one stands for all where nobody says which.
        let order = material.plan.environments.map(\.id)
        let environments = order.compactMap { id in material.environments.first { $0.id == id } }
        return environments.map {
            ExportedTree(
                environment: $0.tree, metro: image, name: material.plan.metro,
                environmentName: environments.count > 1 ? $0.id.name : nil)
        }
    }

    private func write(_ format: PackFormat, to output: String, asJSON: Bool) async throws -> ExitCode {
        let trees = try await trees(for: format)
        guard let tree = trees.first else { throw UsageFailure("the metro has no environment") }
        let writer = writer
        try Stage.during(context.terminal, "writing the \(format.rawValue)") { stage in
            let progress: @Sendable (Int64, Int64) -> Void = { stage.update(done: $0, of: $1) }
            switch format {
            case .bundle: break
            case .squashfs: try writer.squashfs(tree, to: output, progress: progress)
            case .tar: try writer.tar(tree, to: output, progress: progress)
            case .oci:
                try writer.oci(
                    trees, architecture: try Architecture.ofThisMachine().name, to: output, progress: progress)
            }
        }
        let size = File.status(output).flatMap { $0.kind == .file ? $0.size : nil }
        if asJSON {
            let told: JSONValue = [
                "output": .string(output), "format": .string(format.rawValue),
                "size": size.map(JSONValue.integer) ?? .null,
            ]
            context.terminal.print(bytes: JSONText.bytes(of: told, indented: true))
        } else {
            context.terminal.say(Shown.whole(output) + (size.map { ": " + Amounts.bytes($0) } ?? ""))
        }
        return .done
    }
}
