internal import Failures
package import Files
internal import Glibc

/// What a person does to a workspace of a run, on the machine that leads it, from a process of its own.
///
/// Files are put to their places whole. Where the run goes on, the process that leads it is asked to look.
package struct WorkspaceChange: Sendable {
    private let folder: String
    private let files: ConfinedFolder

    /// - Parameters:
    ///   - folder: see `Replica`.
    ///   - files: where its files lie.
    package init(_ folder: String, files: String) {
        (self.folder, self.files) = (folder, ConfinedFolder(files))
    }

    /// A file in this folder asks the process that leads the run to look; it takes it away when it has.
    static func asked(_ folder: String) -> String { folder + "/asked" }

    /// Puts a file, or all of a folder, from elsewhere into the workspace.
    ///
    /// - Returns: how many files.
    @discardableResult
    package func put(_ source: String, as path: RelativePath) throws -> Int {
        guard let status = File.status(source, follow: true) else { throw FileFailure("read", source, code: ENOENT) }
        switch status.kind {
        case .folder:
            var count = 0
            for name in try Folder.names(in: source) {
                guard let inside = RelativePath("\(path)/\(name)") else { continue }
                count += try put("\(source)/\(name)", as: inside)
            }
            return count
        case .file:
            try place(copying: File.real(source) ?? source, mode: status.mode & 0o777, as: path)
            return 1
        case .link, .other: throw FileFailure.notAFile("read", source)
        }
    }

    /// - Parameter source: no link.
    func place(copying source: String, mode: UInt32, as path: RelativePath) throws {
        let staging = try Folder.makeTemporary(in: folder, named: "put")
        defer { try? Folder.remove(staging) }
        try File.copy(source, to: staging + "/file", mode: 0o600)
        chmod(staging + "/file", mode | 0o400)
        let isThere = try files.lend(path, making: true) { place in
            if File.status(place)?.kind == .folder { return false }
            if rename(staging + "/file", place) == 0 { return true }
            throw FileFailure("write", "\(files.path)/\(path)")
        }
        guard isThere ?? false else {
            throw WorkspaceFailure(
                "\(Shown.text(path.string)) can't be put into the workspace",
                cause: "there is a folder of that name, or a file where its folder would be",
                fix: "give it another name, or remove what is there", exitCode: .usage)
        }
    }

    /// Takes a file away, or a folder with all that it holds.
    ///
    /// - Returns: false where nothing was there.
    @discardableResult
    package func remove(_ path: RelativePath) throws -> Bool {
        try files.lend(path) { place in
            guard File.status(place) != nil else { return false }
            try Folder.remove(place)
            return true
        } ?? false
    }

    /// One of several versions of a file becomes the only one.
    ///
    /// - Parameters:
    ///   - name: that they were all written under.
    ///   - kept: where the one lies that stays.
    ///   - others: where the rest lies.
    package func keep(_ kept: RelativePath, as name: RelativePath, insteadOf others: [RelativePath]) throws {
        if kept != name {
            let copied: Void? = try files.lend(kept) { place in
                guard let status = File.status(place), status.kind == .file else {
                    throw FileFailure("read", "\(files.path)/\(kept)", code: ENOENT)
                }
                try self.place(copying: place, mode: status.mode & 0o777, as: name)
            }
            if copied == nil { throw FileFailure("read", "\(files.path)/\(kept)", code: ENOENT) }
        }
        for other in others where other != name { try remove(other) }
    }

    /// Has the process that leads the run look at what was changed.
    ///
    /// - Returns: what is gone when it has.
    @discardableResult
    package func ask() throws -> String {
        try Folder.make(Self.asked(folder))
        let note = "\(Self.asked(folder))/\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try File.create(note, [], mode: 0o600)
        return note
    }

    /// As `ask`, and waits for it.
    ///
    /// - Returns: false where it did not within so many seconds.
    package func tell(within seconds: Double = 10) throws -> Bool {
        let note = try ask()
        for _ in 0..<Int(seconds * 100) {
            if !File.exists(note) { return true }
            usleep(10_000)
        }
        File.remove(note)
        return false
    }

    /// Of a run that nobody leads now: what was changed counts.
    package func look(_ rule: CollisionRule) throws {
        let replica = try Replica(folder, host: WorkspaceRecord.head, rule: rule)
        _ = try replica.scan(settled: true)
        _ = try replica.apply()
    }
}
