internal import Bundle
internal import Depot
internal import Digests
internal import Execution
internal import Files
internal import Glibc
internal import Layers
internal import Parts
internal import Threads
internal import Unpacking

/// Reads all that has a digest, and takes what is damaged out of the store, so that it is made again when it is needed.
package struct StoreCheck: Sendable {
    /// What was found.
    package struct Damage: Hashable, Sendable {
        package let entry: StoreEntry
        /// What is wrong with it: a sentence without a full stop.
        package let what: String
    }

    package struct Outcome: Sendable {
        /// In the order of the listing.
        package var damaged: [Damage] = []
        /// How many were read and are good.
        package var good = 0
        package var bytes: Int64 = 0
        /// How many have no digest to be held against, by kind.
        package var unknown: [StoreKind: Int] = [:]
    }

    private enum Verdict: Sendable { case good, unknown, damaged(String) }

    private let listing: StoreListing
    private var lash: LASH { listing.lash }

    package init(_ listing: StoreListing) { self.listing = listing }

    /// - Parameter progress: told how many bytes are read, of all; from any thread, one at a time.
    package func run(progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void) throws -> Outcome {
        let wanted = listing.entries.filter(\.kind.isCheckable)
        let total = wanted.reduce(0) { $0 + $1.size }
        // The largest first, so that the threads end together.
        let order = wanted.indices.sorted { wanted[$0].size > wanted[$1].size }
        let done = Monitor(Int64(0))
        let verdicts = try Workers.each(order, on: Workers.processors) { number in
            let entry = wanted[number]
            let verdict = try verdict(entry)
            done.change {
                $0 += entry.size
                progress($0, total)
            }
            return (number: number, verdict: verdict)
        }
        var outcome = Outcome()
        for (number, verdict) in verdicts.sorted(by: { $0.number < $1.number }) {
            switch verdict {
            case .good: outcome.good += 1
            case .unknown: outcome.unknown[wanted[number].kind, default: 0] += 1
            case .damaged(let what): outcome.damaged.append(Damage(entry: wanted[number], what: what))
            }
        }
        outcome.bytes = total
        for damage in outcome.damaged { try StoreRemoval(lash).remove(damage.entry) }
        return outcome
    }

    private func verdict(_ entry: StoreEntry) throws -> Verdict {
        guard let path = entry.paths.first else { return .good }
        // What went away meanwhile is not damaged.
        guard File.status(path) != nil else { return .good }
        switch entry.kind {
        case .packages: return package(entry, path)
        case .inputs, .archives, .runtimes: return file(path, named: entry.name)
        case .unpacked:
            guard let files = try InputStore(lash).damaged(unpacked: entry.name) else {
                return .damaged("the list of its files can't be read")
            }
            return files.isEmpty ? .good : .damaged(Self.words(files))
        case .layers: return try layer(entry)
        case .blocks:
            return StoredBlocks.isWhole(path) ? .good : .damaged("its blocks do not have the digests that they had")
        case .parts: return part(entry)
        case .images: return try image(entry, path)
        case .tasks: return StoredTasks.isWhole(path) ? .good : .damaged("what it made is not what it was")
        case .made, .each, .runs, .stamps, .pushed, .known, .unfinished: return .good
        }
    }

    private static func words(_ files: [String]) -> String {
        let more = files.count > 1 ? ", and \(files.count - 1) more" : ""
        return "\(files.first ?? "a file") is not as it was\(more)"
    }

    /// A file that is called by its digest.
    private func file(_ path: String, named name: String) -> Verdict {
        guard let digest = Digest(hex: name) else { return .unknown }
        return compare(path, digest)
    }

    private func compare(_ path: String, _ digest: Digest) -> Verdict {
        guard let found = try? FileDigest.digest(of: path) else { return .damaged("it can't be read") }
        return found == digest ? .good : .damaged("its SHA-256 digest is \(found.short)…, not \(digest.short)…")
    }

    private func package(_ entry: StoreEntry, _ path: String) -> Verdict {
        if entry.paths.count > 1 {
            let line = try? File.read(entry.paths[1], atMost: 4096)
            guard let digest = line.flatMap({ Digest(hex: String(decoding: $0.prefix(64), as: UTF8.self)) }) else {
                return .damaged("the note of its digest can't be read")
            }
            return compare(path, digest)
        }
        return file(path, named: String(entry.name.prefix { $0 != "." }))
    }

    private func layer(_ entry: StoreEntry) throws -> Verdict {
        guard let digest = Digest(hex: entry.name) else { return .unknown }
        switch try LayerStore(lash: lash).condition(of: digest, threads: 1) {
        case .good: return .good
        case .unknown: return .unknown
        case .damaged(let files): return .damaged(Self.words(files))
        }
    }

    private func part(_ entry: StoreEntry) -> Verdict {
        let store = PartStore(lash)
        guard let digest = Digest(hex: entry.name) else { return .unknown }
        do {
            let extents = try store.extents(of: digest)
            try store.reader(of: digest).verify(extents, named: "it")
            return .good
        } catch { return .damaged(error.summary) }
    }

    /// An unpacked image can be held against the part that it was.
    private func image(_ entry: StoreEntry, _ path: String) throws -> Verdict {
        // Of some its first files are kept only, named by their paths.
        let name = String(entry.name.prefix { $0 != "." })
        let isWhole = name == entry.name
        guard let digest = Digest(hex: name) else { return .unknown }
        let part = "\(lash.parts)/\(name)"
        let store = PartStore(lash)
        guard File.exists(part), let extents = try? store.extents(of: digest),
            (try? store.reader(of: digest).verify(extents, named: "it")) != nil,
            let listing = try? ImageListing(ImageReader(part))
        else { return .unknown }
        let kept =
            isWhole
            ? []
            : try Folder.names(in: path).filter { $0.contains(":") }.map {
                ($0, $0.split(separator: ":").joined(separator: "/"))
            }
        /// Where a file of the image lies; nil where it is not kept.
        func place(_ file: String) -> String? {
            if isWhole { return file }
            for (name, real) in kept {
                if file == real { return name }
                if let rest = file.after(real + "/") { return "\(name)/\(rest)" }
            }
            return nil
        }
        let files = listing.entries.filter {
            if case .file = $0.kind { place($0.path) != nil } else { false }
        }
        guard let digests = try? listing.digests(of: files) else { return .unknown }
        var changed: [String] = []
        for (file, digest) in zip(files, digests) {
            let place = place(file.path) ?? file.path
            if (try? FileDigest.digest(of: "\(path)/\(place)")) != digest { changed.append(file.path) }
        }
        return changed.isEmpty ? .good : .damaged(Self.words(changed))
    }
}

/// Takes entries out of the store, each as one.
struct StoreRemoval {
    private let lash: LASH

    init(_ lash: LASH) { self.lash = lash }

    func remove(_ entry: StoreEntry) throws {
        for path in entry.paths {
            guard let status = File.status(path) else { continue }
            if status.kind != .folder {
                File.remove(path)
                continue
            }
            let away = try Folder.makeTemporary(in: lash.temporary, named: "removed")
            // Another disk, or someone else's: file by file then.
            if rename(path, away) != 0 { try Folder.remove(path) }
            try Folder.remove(away)
        }
    }
}
