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
    /// What is not there is fine.
    package static func remove(_ path: String) throws(FileFailure) {
        guard let status = File.status(path) else { return }
        if status.kind == .folder {
            if status.mode & 0o700 != 0o700 { chmod(path, 0o700) }
            for name in try names(in: path) { try remove(path + "/" + name) }
            if rmdir(path) != 0, errno != ENOENT { throw FileFailure("remove the folder", path) }
        } else if unlink(path) != 0, errno != ENOENT {
            throw FileFailure("remove", path)
        }
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
        try make(path)
        while true {
            let folder = "\(path)/\(name)-\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
            if mkdir(folder, 0o700) == 0 { return folder }
            if errno != EEXIST { throw FileFailure("make the folder", folder) }
        }
    }
}
