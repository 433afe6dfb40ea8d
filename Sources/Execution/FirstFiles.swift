internal import CLinux
internal import Files
internal import Glibc
internal import Sandbox

/// What nearly every command begins with: the shell, the loader, the C library and what these read at once. Of an image that is mounted
/// anew for each run they would be decompressed each time, which takes longer than all else before a command's first instruction. So they
/// are kept unpacked from the first run on, in LASH's `images/DIGEST.first`, each named by its path with “:” for “/”; and are shown in the
/// place of the image's own.
///
/// Its `list` says how each was left: one that somebody or something has changed since is not shown, and all are copied again.
struct FirstFiles {
    private struct Place {
        let environment: String
        /// The image, as it is mounted.
        let root: String
        let folder: String
        let isWhole: Bool
    }

    private let places: [Place]
    private let lash: LASH

    /// - Parameter environments: where each is reached. Nothing is kept of those that are unpacked anyway.
    init(_ start: RunStart, engine: Engine, environments: [String: String], in lash: LASH) {
        self.lash = lash
        guard engine == .kernel || engine == .fuse, Self.mayStartPrograms(of: lash) else {
            places = []
            return
        }
        places = environments.sorted { $0.key < $1.key }.compactMap { name, root in
            guard let image = start.environments[name] else { return nil }
            let folder = "\(lash.images)/\(image.digest.hex).first"
            return Place(environment: name, root: root, folder: folder, isWhole: FirstFilesList.isWhole(folder))
        }
    }

    /// Finds their names in the images, which an image that was just mounted has to decompress for it: so that the first sandbox need not.
    func lookUp() {
        for place in places {
            for path in Self.paths {
                let found = las_open_in(place.root, path)
                if found >= 0 { close(found) }
            }
        }
    }

    /// Where they are looked for; links are followed inside the image.
    private static let paths = [
        "bin/bash", "lib64/ld-linux-x86-64.so.2", "lib/x86_64-linux-gnu/libc.so.6",
        "lib/x86_64-linux-gnu/libtinfo.so.6", "etc/ld.so.cache", "usr/lib/locale/C.utf8",
        "usr/share/locale/locale.alias", "usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache",
    ]
    private static let largest: Int64 = 16 << 20
    private static let mostNames = 64
    /// A disk with less than this is left to what tasks make.
    private static let leastDisk: Int64 = 256 << 20

    /// What shows them in sandboxes, by the environment's name; nothing of one that was never reached before.
    var steps: [String: [SandboxPlan.Step]] {
        var steps: [String: [SandboxPlan.Step]] = [:]
        for place in places where place.isWhole {
            steps[place.environment] = FirstFilesList.names(in: place.folder).map { name in
                let path = "/" + name.split(separator: ":").joined(separator: "/")
                return .bind(source: "\(place.folder)/\(name)", target: path, readOnly: true)
            }
        }
        return steps
    }

    /// Not where LASH's disk is mounted without.
    private static func mayStartPrograms(of lash: LASH) -> Bool {
        let noexec: UInt = 8  // ST_NOEXEC
        var status = statvfs()
        return statvfs(lash.root, &status) == 0 && status.f_flag & noexec == 0
    }

    /// Keeps those that are not kept yet. Without them all goes as well, so nothing here is an error.
    func keep() {
        for place in places where !place.isWhole {
            guard Folder.freeDisk(at: lash.root) >= Self.leastDisk,
                let beside = try? Folder.makeTemporary(in: lash.temporary, named: "first")
            else { return }
            if Self.paths.allSatisfy({ Self.copy($0, of: place.root, into: beside) }), FirstFilesList.write(of: beside)
            {
                try? Folder.make(lash.images)
                // Another run may have been quicker. What is damaged gives way at once, so that none that shows it misses it.
                if rename(beside, place.folder) == 0 { continue }
                if !FirstFilesList.isWhole(place.folder) {
                    _ = las_exchange(AT_FDCWD, beside, AT_FDCWD, place.folder)
                }
            }
            try? Folder.remove(beside)
        }
    }

    /// - Returns: false where it could not be written; what the image does not have is not missed.
    private static func copy(_ path: String, of root: String, into folder: String) -> Bool {
        let source = las_open_in(root, path)
        if source < 0 { return true }
        defer { close(source) }
        guard let real = File.target(of: "/proc/self/fd/\(source)")?.after(root + "/"), real.contains("/"),
            !real.utf8.contains(UInt8(ascii: ":"))
        else { return true }
        let target = "\(folder)/\(real.split(separator: "/").joined(separator: ":"))"
        switch copy(source, to: target) {
        case .whole: return true
        case .other:
            try? Folder.remove(target)
            return true
        case .failed: return false
        }
    }

    private enum Copied { case whole, other, failed }

    /// - Returns: `other` where it is, or holds, something that is neither a file of the usual size nor a folder.
    private static func copy(_ source: Int32, to target: String) -> Copied {
        var status = stat()
        guard fstat(source, &status) == 0 else { return .other }
        let times = [status.st_mtim, status.st_mtim]
        switch status.st_mode & S_IFMT {
        case S_IFREG where status.st_size <= largest:
            let file = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if file < 0 { return errno == EEXIST ? .whole : .failed }
            defer { close(file) }
            do throws(FileFailure) {
                try File.copyRange(
                    Int64(status.st_size), from: source, at: 0, named: target, to: file, at: 0, named: target)
            } catch { return .failed }
            let isDone = fchmod(file, status.st_mode & 0o777) == 0 && futimens(file, times) == 0 && fsync(file) == 0
            return isDone ? .whole : .failed
        case S_IFDIR:
            guard let names = try? Folder.names(in: "/proc/self/fd/\(source)"), names.count <= mostNames else {
                return .other
            }
            if mkdir(target, 0o700) != 0 { return .failed }
            for name in names {
                let inner = openat(source, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                if inner < 0 { return .other }
                defer { close(inner) }
                let copied = copy(inner, to: "\(target)/\(name)")
                if copied != .whole { return copied }
            }
            Folder.sync(target)
            let isDone = chmod(target, status.st_mode & 0o777) == 0 && utimensat(AT_FDCWD, target, times, 0) == 0
            return isDone ? .whole : .failed
        default: return .other
        }
    }
}

/// How the files of such a folder were when they were copied: their sizes, rights and times. The time of a file's last change can't be set
/// by hand, so what is as the list says has the bytes that it had.
enum FirstFilesList {
    private static let name = "list"

    /// Those of the folder that have a path's name.
    static func names(in folder: String) -> [String] {
        ((try? Folder.names(in: folder)) ?? []).filter { $0.utf8.contains(UInt8(ascii: ":")) }.sorted()
    }

    static func isWhole(_ folder: String) -> Bool {
        guard let said = try? File.read("\(folder)/\(name)", atMost: 1 << 16) else { return false }
        return said == Array(text(of: folder).utf8)
    }

    /// The disk has it when this returns, if all before was synced.
    static func write(of folder: String) -> Bool {
        guard (try? File.write(text(of: folder), to: "\(folder)/\(name)", syncing: true)) != nil else { return false }
        Folder.sync(folder)
        return true
    }

    private static func text(of folder: String) -> String {
        var lines = ""
        func add(_ path: String) {
            var status = stat()
            guard lstat("\(folder)/\(path)", &status) == 0 else { return }
            let (made, changed) = (status.st_mtim, status.st_ctim)
            lines += "\(path) \(status.st_mode) \(status.st_size) \(made.tv_sec).\(made.tv_nsec)"
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            // A folder's own changes with its place.
            lines += isFolder ? "\n" : " \(changed.tv_sec).\(changed.tv_nsec)\n"
            if isFolder {
                for name in ((try? Folder.names(in: "\(folder)/\(path)")) ?? []).sorted() { add("\(path)/\(name)") }
            }
        }
        for name in names(in: folder) { add(name) }
        return lines
    }
}
