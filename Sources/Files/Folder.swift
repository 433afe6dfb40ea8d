internal import Glibc

package enum Folder {
    /// Makes it and the folders above it; an existing folder is fine.
    package static func make(_ path: String, mode: UInt32 = 0o755) throws(FileFailure) {
        if mkdir(path, mode) == 0 { return }
        if errno == EEXIST {
            if File.status(path, follow: true)?.kind == .folder { return }
            throw FileFailure("make the folder", path, code: EEXIST)
        }
        guard errno == ENOENT else { throw FileFailure("make the folder", path) }
        let above = File.parent(of: path)
        if above == path { throw FileFailure("make the folder", path) }
        try make(above, mode: mode)
        if mkdir(path, mode) != 0, errno != EEXIST { throw FileFailure("make the folder", path) }
    }

    /// The names in it, sorted by their bytes, without `.` and `..`.
    package static func names(in path: String) throws(FileFailure) -> [String] {
        guard let stream = opendir(path) else { throw FileFailure("read the folder", path) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Removes it and all that it holds, without following links, making folders writable first where they are not.
    /// What is not there is fine. Names need not be text.
    package static func remove(_ path: String) throws(FileFailure) { try remove(Array(path.utf8CString)) }

    /// Removes all that it holds, as `remove` does, and leaves it.
    package static func empty(_ path: String) throws(FileFailure) {
        try remove(Array(path.utf8CString), keepsItself: true)
    }

    /// - Parameter path: ends with 0.
    private static func remove(_ path: [CChar], keepsItself: Bool = false) throws(FileFailure) {
        func failure(_ action: String) -> FileFailure {
            FileFailure(action, String(decoding: path.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
        }
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            if unlink(path) != 0, errno != ENOENT { throw failure("remove") }
            return
        }
        if info.st_mode & 0o700 != 0o700 { chmod(path, 0o700) }
        guard let stream = opendir(path) else { throw failure("read the folder") }
        var names: [[CChar]] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { $0.prefix { $0 != 0 }.map(CChar.init(bitPattern:)) }
            if name != [0x2e], name != [0x2e, 0x2e] { names.append(name) }
        }
        closedir(stream)
        for name in names { try remove(path.dropLast() + [CChar(bitPattern: UInt8(ascii: "/"))] + name + [0]) }
        if !keepsItself, rmdir(path) != 0, errno != ENOENT { throw failure("remove the folder") }
    }

    package static func sync(_ path: String) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
        }
    }

    /// Lends a fresh folder under `path`, removed at the end whatever happens.
    package static func withTemporary<Result>(
        in path: String, named name: String, _ body: (String) throws -> Result
    ) throws -> Result {
        let folder = try makeTemporary(in: path, named: name)
        defer { try? remove(folder) }
        return try body(folder)
    }

    /// A fresh folder `path/NAME-…`, which the caller removes or renames.
    package static func makeTemporary(in path: String, named name: String) throws(FileFailure) -> String {
        while true {
            let folder = "\(path)/\(name)-\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
            if mkdir(folder, 0o700) == 0 { return folder }
            // It is there nearly always.
            if errno == ENOENT {
                try make(path)
            } else if errno != EEXIST {
                throw FileFailure("make the folder", folder)
            }
        }
    }

    /// Removes what `makeTemporary` made under `path` for processes that were killed: of dead processes, and a day old, since
    /// the folder may be shared with machines whose processes can't be seen from here.
    package static func clearAbandoned(in path: String) {
        let yesterday = Int64(time(nil)) - 86_400
        for name in (try? names(in: path)) ?? [] {
            let words = name.split(separator: "-")
            guard words.count >= 3, let pid = pid_t(words[words.count - 2]), kill(pid, 0) != 0, errno == ESRCH,
                let status = File.status(path + "/" + name), status.modified < yesterday
            else { continue }
            try? remove(path + "/" + name)
        }
    }

    /// Removes what writing `path` left beside it in processes that were killed, `PATH.new-PID-RANDOM`: of dead processes, and
    /// not written to for ten minutes, since one on another machine may go on.
    package static func clearAbandoned(beside path: String) {
        let (folder, start) = (File.parent(of: path), File.name(of: path) + ".new-")
        let before = Int64(time(nil)) - 600
        for name in (try? names(in: folder)) ?? [] {
            guard let rest = name.after(start), let pid = pid_t(rest.prefix { $0 != "-" }), kill(pid, 0) != 0,
                errno == ESRCH, let status = File.status("\(folder)/\(name)"), status.kind == .file,
                status.modified < before
            else { continue }
            File.remove("\(folder)/\(name)")
        }
    }

    /// Bytes that this user may still write to the disk that holds it; where it is not there yet, of the folder that it
    /// will be made in.
    package static func freeDisk(at path: String) -> Int64 {
        disk(at: path).free
    }

    /// The same, and the bytes of the whole disk.
    package static func disk(at path: String) -> (free: Int64, total: Int64) {
        var status = statvfs()
        var path = path
        while statvfs(path, &status) != 0 {
            if path == "/" || path == "." { return (0, 0) }
            path = File.parent(of: path)
        }
        let unit = Int64(status.f_frsize)
        return (Int64(status.f_bavail) * unit, Int64(status.f_blocks) * unit)
    }

    /// Whether a folder could be made there, or is there and may be written into; nothing is made yet.
    package static func checkPlace(_ path: String) throws(FileFailure) {
        var place = path
        while !File.exists(place), place != File.parent(of: place) { place = File.parent(of: place) }
        guard File.status(place, follow: true)?.kind == .folder else {
            throw FileFailure("use as a folder", place, code: ENOTDIR)
        }
        if access(place, W_OK | X_OK) != 0 { throw FileFailure("write into", place) }
    }
}
