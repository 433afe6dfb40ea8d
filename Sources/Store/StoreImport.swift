internal import Depot
internal import Digests
package import Failures
package import Files
internal import Glibc
internal import JSON
internal import Layers

/// Takes what another LASH has exported into this one: nothing that the lock in it does not name, and nothing whose bytes are
/// not what the lock says.
package struct StoreImport: Sendable {
    package struct Outcome: Sendable {
        package let metro: String
        package var taken = 0
        package var bytes: Int64 = 0
        /// Those that were there already.
        package var known = 0
        /// What is not as it must be: nothing of it was taken.
        package var damaged: [String] = []
        /// What only the export itself vouches for: files of commits, scripts that las has written around programs.
        package var vouched: [String] = []
    }

    private let lash: LASH

    package init(_ lash: LASH) { self.lash = lash }

    /// - Parameter path: a tar or a folder, as `StoreExport` writes them.
    package func take(_ path: String, progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }) throws -> Outcome
    {
        try Folder.withTemporary(in: lash.temporary, named: "import") { folder in
            if File.status(path, follow: true)?.kind == .folder {
                return try take(files: path, isOurs: false, beside: folder, named: path)
            }
            let size = File.status(path, follow: true)?.size ?? 0
            let inside = folder + "/files"
            try Folder.make(inside)
            try InputStore.unpack(.init(path: path, shown: path, place: path), into: inside) { progress($0, size) }
            return try take(files: inside, isOurs: true, beside: folder, named: path)
        }
    }

    /// - Parameters:
    ///   - isOurs: whether they may be moved rather than copied.
    ///   - beside: a temporary folder of this LASH.
    private func take(files: String, isOurs: Bool, beside: String, named path: String) throws -> Outcome {
        guard
            let about = (try? File.read("\(files)/\(StoreExport.head)", atMost: 1 << 20)).flatMap({
                try? JSONText.parse($0)
            }),
            let version = about["export"]?.integer
        else {
            throw StoreFailure(
                "this is no export of las's store", place: path, fix: "las store export METRO writes one")
        }
        guard version == StoreExport.version else {
            throw StoreFailure(
                "the export has version \(version), and this las knows \(StoreExport.version)", place: path,
                fix: "use a newer las for it")
        }
        let lock = try Lock.read("\(files)/\(StoreExport.lockFile)", update: "las store export")
        let contents = try LockContents(of: lock, in: lash)
        var outcome = Outcome(metro: Shown.text(about["metro"]?.string ?? ""))
        for source in contents.sources where !source.path.hasSuffix(".sha256") {
            try take(source, files, isOurs, beside, &outcome)
        }
        for layer in contents.layers where layer.isOfMachine { try take(layer, files, beside, &outcome) }
        return outcome
    }

    private func take(
        _ source: LockContents.Source, _ files: String, _ isOurs: Bool, _ beside: String, _ outcome: inout Outcome
    ) throws {
        let (from, path) = ("\(files)/\(source.path)", "\(lash.root)/\(source.path)")
        var digest = source.sha256
        let note = from + ".sha256"
        if digest == nil, let text = try? File.read(note, atMost: 4096) {
            digest = Digest(hex: String(decoding: text.prefix(64), as: UTF8.self))
        }
        guard let digest else {
            outcome.damaged.append("\(Shown.whole(source.title)): the export does not say what its bytes are")
            return
        }
        if (try? FileDigest.digest(of: path)) == digest {
            outcome.known += 1
            return
        }
        guard let status = File.status(from), status.kind == .file else {
            outcome.damaged.append("\(Shown.whole(source.title)): it is not in the export")
            return
        }
        // Looked at where nobody else writes.
        let own = "\(beside)/file"
        File.remove(own)
        if isOurs { try File.move(from, to: own) } else { try File.copy(from, to: own, mode: 0o444) }
        let found = try FileDigest.digest(of: own)
        guard found == digest else {
            outcome.damaged.append(
                "\(Shown.whole(source.title)): its SHA-256 digest is \(found.short)…, not \(digest.short)…")
            return
        }
        chmod(own, 0o444)
        try Folder.make(File.parent(of: path))
        if source.sha256 == nil {
            try File.write("\(digest)  \(File.name(of: path))\n", to: path + ".sha256")
            outcome.vouched.append(Shown.whole(source.title))
        }
        try File.rename(own, to: path)
        outcome.taken += 1
        outcome.bytes += status.size
    }

    /// A layer of another machine's programs.
    private func take(
        _ layer: LockContents.MadeLayer, _ files: String, _ beside: String, _ outcome: inout Outcome
    ) throws {
        let store = LayerStore(lash: lash)
        if try store.layer(layer.digest) != nil, try store.condition(of: layer.digest) == .good {
            outcome.known += 1
            return
        }
        let from = "\(files)/layers/\(layer.digest)"
        guard let layers = try? store.digests(at: from), let text = try? File.read(from + "/entries"),
            let (name, entries) = try? LayerEntries.parse(text, place: from + "/entries")
        else {
            outcome.damaged.append("\(Shown.whole(layer.title)): it is not in the export")
            return
        }
        var wrong = Digest(of: text) == layers.lines.first?.digest ? nil : "entries"
        var size: Int64 = 0
        let prepared = try store.prepare(name: name) { folder in
            for line in layers.lines where RelativePath(line.path) != nil {
                guard let inside = line.path.after("tree/") else { continue }
                let target = "\(folder)/\(line.path)"
                try Folder.make(File.parent(of: target))
                try File.copy("\(from)/\(line.path)", to: target, mode: 0o755)
                chmod(target, 0o755)
                size += File.status(target)?.size ?? 0
                let must = layer.files[inside] ?? line.digest
                if try FileDigest.digest(of: target) != must { wrong = wrong ?? inside }
            }
            let named = Set(entries.map(\.path.string))
            wrong = wrong ?? layer.files.keys.sorted().first { !named.contains($0) }
            for entry in entries {
                guard case .file = entry.kind, !File.exists("\(folder)/tree/\(entry.path)") else { continue }
                wrong = wrong ?? entry.path.string
            }
            return entries
        }
        if let wrong {
            prepared.discard()
            outcome.damaged.append("\(Shown.whole(layer.title)): \(Shown.whole(wrong)) is not what the lock says")
            return
        }
        _ = try store.publish([(layer.digest, prepared)])
        try store.settle([layer.digest])
        outcome.taken += 1
        outcome.bytes += size
        outcome.vouched.append("the scripts that start \(Shown.whole(layer.title))")
    }
}

/// An export that is none.
package struct StoreFailure: Failure {
    package let summary: String
    package let place: String?
    package let fix: String?
    package let exitCode = ExitCode.integrity

    init(_ summary: String, place: String? = nil, fix: String? = nil) {
        (self.summary, self.place, self.fix) = (summary, place, fix)
    }
}
