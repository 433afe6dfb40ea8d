internal import Failures
internal import Files
internal import Glibc
internal import Metro

/// Looks for files in a metro's folder, and never leaves it; or on the whole machine, where a person names them.
struct FolderSearch {
    struct Trouble: Error {
        let message: String
        let fix: String?
    }

    private let folder: String
    /// The folder itself with all links followed.
    private let real: String
    private let isOfMachine: Bool
    private static let fileLimit = 1_000_000
    private static let depthLimit = 64

    init(_ folder: String) throws(Trouble) {
        guard let real = Self.real(folder) else {
            throw Trouble(message: "the metro's folder \(Shown.text(folder)) is not there", fix: nil)
        }
        (self.folder, self.real, isOfMachine) = (folder, real, false)
    }

    private init() { (folder, real, isOfMachine) = ("", "/", true) }

    /// Of all files; paths are absolute without the first slash.
    static func ofMachine() -> FolderSearch { FolderSearch() }

    /// - Parameter pattern: relative; with a wildcard it stands for files, for folders when it ends with `/`.
    func matches(of pattern: String) throws(Trouble) -> [InputFiles.Found] {
        let glob = Glob(pattern)
        let wantsFolders = pattern.hasSuffix("/")
        var paths = [""]
        for (number, component) in glob.parts.enumerated() {
            let isLast = number == glob.parts.count - 1
            var next: [String] = []
            var isFolders = false
            for path in paths {
                switch component {
                case .literal("."): next.append(path)
                case .literal(let name):
                    let inside = path.isEmpty ? name : "\(path)/\(name)"
                    if let kind = kind(of: inside), isLast || kind == .folder { next.append(inside) }
                case .wildcard(let part):
                    for name in try names(in: path) where part.matches(name) {
                        let inside = path.isEmpty ? name : "\(path)/\(name)"
                        guard let kind = kind(of: inside) else {
                            try checkName(of: inside)
                            continue
                        }
                        if isLast ? (kind == .folder) == wantsFolders : kind == .folder { next.append(inside) }
                    }
                case .folders:
                    isFolders = true
                    for below in try foldersBelow(path) { next += isLast ? try filesIn(below) : [below] }
                }
                if next.count > Self.fileLimit {
                    throw Trouble(
                        message: "“\(Shown.text(pattern))” matches more than \(Self.fileLimit) files",
                        fix: "narrow the pattern")
                }
            }
            paths = isFolders ? Self.once(next) : next
        }
        if paths.isEmpty || paths == [""] { throw missing(pattern, glob) }
        var found: [InputFiles.Found] = []
        for path in paths {
            try confine(path)
            switch kind(of: path) {
            case .folder:
                let contents = try contents(of: path)
                found.append(.init(path: path, pattern: pattern, contents: contents))
            case .file: found.append(.init(path: path, pattern: pattern))
            default:
                throw Trouble(
                    message: "\(shown(path)) is neither a file nor a folder",
                    fix: "an input is read whole when the metro is packed")
            }
        }
        return found
    }

    /// Several `**` reach a folder on several ways.
    private static func once(_ paths: [String]) -> [String] {
        var seen = Set<ExactText>()
        return paths.filter { seen.insert(ExactText($0)).inserted }
    }

    /// The metro's own scripts: what lies in `files/`, without what its `.lasignore` names.
    func scripts() throws(Trouble) -> [String] {
        guard kind(of: "files") == .folder else { return [] }
        try confine("files")
        let all = try contents(of: "files")
        guard all.contains(IgnoredFiles.name) else { return all.map { "files/\($0)" } }
        let text: [UInt8]
        do { text = try File.read("\(folder)/files/\(IgnoredFiles.name)", atMost: 1 << 20) } catch {
            throw Trouble(message: "\(error)", fix: nil)
        }
        let ignored = IgnoredFiles(String(decoding: text, as: UTF8.self))
        return all.filter { !ignored.has($0) }.map { "files/\($0)" }
    }

    // MARK: Folders

    private func shown(_ path: String) -> String {
        Shown.text(isOfMachine ? "/" + path : path, atMost: isOfMachine ? 200 : 60)
    }

    private func kind(of path: String) -> File.Kind? { File.status("\(folder)/\(path)", follow: true)?.kind }

    private func names(in path: String) throws(Trouble) -> [String] {
        try confine(path)
        do {
            return try Folder.names(in: path.isEmpty ? real : "\(folder)/\(path)")
        } catch {
            throw Trouble(message: "\(error)", fix: nil)
        }
    }

    /// It and all folders in it that are no links and not hidden.
    private func foldersBelow(_ path: String) throws(Trouble) -> [String] {
        var folders = [path]
        var number = 0
        while number < folders.count {
            let above = folders[number]
            number += 1
            if above.pathNames.count > Self.depthLimit { continue }
            for name in try names(in: above) where !name.begins(with: ".") {
                let inside = above.isEmpty ? name : "\(above)/\(name)"
                if File.status("\(folder)/\(inside)")?.kind == .folder { folders.append(inside) }
            }
        }
        return folders
    }

    private func filesIn(_ path: String) throws(Trouble) -> [String] {
        var files: [String] = []
        for name in try names(in: path) where !name.begins(with: ".") {
            let file = path.isEmpty ? name : "\(path)/\(name)"
            if kind(of: file) == .file { files.append(file) } else { try checkName(of: file) }
        }
        return files
    }

    /// A name that is no text was read with signs in it that stand for what could not be read; nobody's data is left out for
    /// that without a word.
    private func checkName(of path: String) throws(Trouble) {
        guard path.contains("\u{FFFD}"), !File.exists("\(folder)/\(path)") else { return }
        throw Trouble(
            message: "the name of \(shown(path)) is not UTF-8", fix: "rename it, or take it out of the folder")
    }

    /// All files below a folder, links followed, each inside the metro's folder.
    private func contents(of path: String) throws(Trouble) -> [String] {
        var files: [String] = []
        var waiting = [""]
        while let inside = waiting.popLast() {
            if inside.pathNames.count > Self.depthLimit {
                throw Trouble(
                    message: "\(Shown.text(path)) is nested too deeply, or a link leads back into it",
                    fix: "take the link out")
            }
            for name in try names(in: inside.isEmpty ? path : "\(path)/\(inside)") {
                let file = inside.isEmpty ? name : "\(inside)/\(name)"
                let whole = "\(path)/\(file)"
                switch kind(of: whole) {
                case .folder: waiting.append(file)
                case .file:
                    try confine(whole)
                    files.append(file)
                default:
                    throw Trouble(
                        message: "\(Shown.text(whole)) is neither a file nor a folder, or its name is not UTF-8",
                        fix: "take it out of the folder")
                }
                if files.count > Self.fileLimit {
                    throw Trouble(
                        message: "\(Shown.text(path)) holds more than \(Self.fileLimit) files",
                        fix: "name the files that are needed")
                }
            }
        }
        return files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    // MARK: The border

    private func confine(_ path: String) throws(Trouble) {
        if path.isEmpty { return }
        guard let target = Self.real("\(folder)/\(path)") else {
            throw Trouble(message: "can't read \(shown(path)): \(String(cString: strerror(errno)))", fix: nil)
        }
        let border = real == "/" ? "/" : real + "/"
        if target.begins(with: border) || target == real { return }
        throw Trouble(
            message: "\(Shown.text(path)) is a link that leaves the metro's folder, to \(Shown.text(target))",
            fix: "put the file itself, or a copy of it, into the folder")
    }

    private static func real(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    // MARK: What is missing

    private func missing(_ pattern: String, _ glob: Glob) -> Trouble {
        let shown = Shown.text(pattern, atMost: isOfMachine ? 200 : 60)
        // The first name that is not there, and what lies beside it.
        var path = ""
        for part in glob.parts {
            let names = (try? Folder.names(in: path.isEmpty ? real : "\(folder)/\(path)")) ?? []
            let place = path.isEmpty ? isOfMachine ? "“/”" : "the metro's folder" : "“\(self.shown(path))”"
            guard case .literal(let name) = part else {
                if names.isEmpty {
                    return Trouble(message: "no file matches “\(shown)”: \(place) is empty", fix: "put the files there")
                }
                let list = names.filter { !$0.begins(with: ".") }.prefix(5).map { Shown.text($0, atMost: 30) }.joined(
                    separator: ", ")
                let isFolders = names.allSatisfy { kind(of: path.isEmpty ? $0 : "\(path)/\($0)") == .folder }
                let fix =
                    isFolders && !pattern.hasSuffix("/")
                    ? "there are only folders; a pattern that ends with “/” takes those"
                    : "\(place) holds \(list)\(names.count > 5 ? ", …" : "")"
                return Trouble(message: "no file matches “\(shown)”", fix: fix)
            }
            if name == "." || names.contains(name) {
                if name != "." { path = path.isEmpty ? name : "\(path)/\(name)" }
                continue
            }
            let nearest = Suggestion.nearest(to: name, among: names.prefix(2000))
            let fix = nearest.map { "did you mean “\(self.shown(path.isEmpty ? $0 : "\(path)/\($0)"))”?" }
            return Trouble(
                message: "there is no “\(shown)”: \(place) has no “\(Shown.text(name))”",
                fix: fix ?? (isOfMachine ? nil : "paths are relative to the folder of the metro"))
        }
        return Trouble(
            message: "no file matches “\(shown)”",
            fix: isOfMachine ? nil : "paths are relative to the folder of the metro")
    }
}
