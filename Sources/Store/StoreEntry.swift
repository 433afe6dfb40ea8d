internal import Digests
package import Files
internal import Glibc
internal import JSON
internal import Threads

/// One thing that the store holds.
package struct StoreEntry: Hashable, Sendable {
    package let kind: StoreKind
    /// As its kind calls it: a digest, a file's name, a run's.
    package let name: String
    /// Files and folders that it is made of; the first says when it was made or used.
    package let paths: [String]
    /// Bytes on the disk.
    package let size: Int64
    /// Seconds since 1970.
    package let modified: Int64

    var key: Key { Key(kind: kind, name: name) }

    struct Key: Hashable, Sendable {
        let kind: StoreKind
        let name: String
    }
}

/// All that the store holds at a moment.
package struct StoreListing: Sendable {
    package let lash: LASH
    /// By kind, then by name.
    package let entries: [StoreEntry]

    /// Looks at every file: sizes are what the disk says.
    package init(_ lash: LASH) throws {
        self.lash = lash
        var found: [(StoreKind, String, [String])] = []
        for kind in StoreKind.allCases {
            for (name, paths) in Self.groups(of: kind, in: lash) { found.append((kind, name, paths)) }
        }
        for name in (try? Folder.names(in: lash.incoming)) ?? [] {
            found.append((.unfinished, "incoming/\(name)", ["\(lash.incoming)/\(name)"]))
        }
        // What a stopped process left beside what it was writing.
        let sorted = found.map { kind, name, paths in (Self.isUnfinished(name) ? .unfinished : kind, name, paths) }
            .sorted { $0.0 == $1.0 ? $0.1 < $1.1 : Self.order($0.0) < Self.order($1.0) }
        let step = 16
        let batches = stride(from: 0, to: sorted.count, by: step).map { sorted[$0..<min($0 + step, sorted.count)] }
        entries = try Workers.each(batches, on: Workers.processors) { batch in
            batch.map { kind, name, paths in
                StoreEntry(
                    kind: kind, name: name, paths: paths, size: DiskUse.bytes(of: paths),
                    modified: paths.first.map { Self.time(of: $0, kind) } ?? 0)
            }
        }.flatMap { $0 }
    }

    /// When an entry was made, or used where its kind notes that.
    private static func time(of path: String, _ kind: StoreKind) -> Int64 {
        var info = stat()
        guard lstat(kind == .tasks ? path + "/record" : path, &info) == 0 else { return 0 }
        // An image's root has the time that it had when it was packed.
        return Int64(kind == .images ? info.st_ctim.tv_sec : info.st_mtim.tv_sec)
    }

    package func entries(of kind: StoreKind) -> [StoreEntry] { entries.filter { $0.kind == kind } }

    private static func order(_ kind: StoreKind) -> Int { StoreKind.allCases.firstIndex(of: kind) ?? 0 }

    private static func isUnfinished(_ name: String) -> Bool {
        name.hasSuffix(".part") || name.hasSuffix(".new") || name.hasPrefix(".") || name.contains(".new-")
    }

    /// The names of a kind, each with its paths.
    private static func groups(of kind: StoreKind, in lash: LASH) -> [(String, [String])] {
        let folder = kind.folder(in: lash)
        let names = (try? Folder.names(in: folder)) ?? []
        switch kind {
        case .parts:
            return Dictionary(grouping: names) { isUnfinished($0) ? $0 : String($0.prefix(64)) }
                .map { ($0, $1.map { "\(folder)/\($0)" }) }
        case .known:
            return Dictionary(grouping: names) { isUnfinished($0) ? $0 : String($0.prefix { $0 != "." }) }
                .map { ($0, $1.map { "\(folder)/\($0)" }) }
        case .packages:
            let whole = Set(names)
            return names.filter { !($0.hasSuffix(".sha256") && whole.contains(String($0.dropLast(7)))) }.map { name in
                (name, ["\(folder)/\(name)"] + (whole.contains(name + ".sha256") ? ["\(folder)/\(name).sha256"] : []))
            }
        case .inputs:
            var addresses: [String: [String]] = [:]
            for name in names where name.hasPrefix("address-") && name.hasSuffix(".json") {
                let path = "\(folder)/\(name)"
                let record = (try? File.read(path, atMost: 1 << 16)).flatMap { try? JSONText.parse($0) }
                addresses[record?["sha256"]?.string ?? "", default: []].append(path)
            }
            return names.filter { !$0.hasSuffix(".json") }.map { ($0, ["\(folder)/\($0)"] + (addresses[$0] ?? [])) }
        case .tasks:
            return names.filter { $0.utf8.count == 2 }.flatMap { shelf in
                ((try? Folder.names(in: "\(folder)/\(shelf)")) ?? []).map { ($0, ["\(folder)/\(shelf)/\($0)"]) }
            }
        default: return names.map { ($0, ["\(folder)/\($0)"]) }
        }
    }
}

/// What files and folders take on the disk, as du counts: a file with several names once.
enum DiskUse {
    static func bytes(of paths: [String]) -> Int64 {
        var seen: Set<UInt64> = []
        return paths.reduce(0) { $0 + bytes(of: Array($1.utf8CString), &seen) }
    }

    /// - Parameter path: ends with 0; names need not be text.
    private static func bytes(of path: [CChar], _ seen: inout Set<UInt64>) -> Int64 {
        var info = stat()
        guard lstat(path, &info) == 0 else { return 0 }
        if info.st_nlink > 1, info.st_mode & S_IFMT != S_IFDIR, !seen.insert(UInt64(info.st_ino)).inserted { return 0 }
        var sum = Int64(info.st_blocks) * 512
        guard info.st_mode & S_IFMT == S_IFDIR, let stream = opendir(path) else { return sum }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { $0.prefix { $0 != 0 }.map(CChar.init(bitPattern:)) }
            if name == [0x2e] || name == [0x2e, 0x2e] { continue }
            sum += bytes(of: path.dropLast() + [CChar(bitPattern: UInt8(ascii: "/"))] + name + [0], &seen)
        }
        return sum
    }
}
