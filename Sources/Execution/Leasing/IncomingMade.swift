internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol

/// Files as they come from the other machine: what a task made, or what it printed. Nothing is believed: they are written into a
/// folder of their own, where no link is before all files are there, and then everything there is read and held against what
/// was announced.
struct IncomingMade {
    let kind: MadeHeader.Kind
    let path: String
    private(set) var files: [RunEvent.File]
    private let staging: String
    private var isListed: Bool
    /// The file that is being written: its place among `files`, what is missing of it.
    private var current = 0
    private var descriptor: Int32 = -1
    private var rest: Int64 = 0

    /// - Parameter staging: a folder that is not there yet, on the file system of the place where it goes.
    init(_ header: MadeHeader, staging: String) throws {
        (kind, path, files, isListed) = (header.kind, header.path, header.files, header.isLast)
        self.staging = staging
        guard header.kind == .logs ? header.path.isEmpty : RelativePath(header.path) != nil else {
            throw Self.refused("a folder at \(Shown.whole(header.path)), which is no path inside its own")
        }
        try Folder.make(staging)
        if isListed { try begin() }
    }

    static func refused(_ what: String) -> ExecutionFailure {
        ExecutionFailure("the other machine sends \(what)", exitCode: .integrity)
    }

    /// Whether all has come.
    var isWhole: Bool { isListed && current == files.count }

    /// More of the list.
    mutating func add(_ header: MadeHeader) throws {
        guard !isListed, header.kind == kind, header.path == path else {
            throw Self.refused("files before it has sent those that it had announced")
        }
        files += header.files
        guard files.count <= 4_000_000 else { throw Self.refused("a list of files that does not end") }
        isListed = header.isLast
        if isListed { try begin() }
    }

    private mutating func begin() throws {
        for file in files {
            guard let path = RelativePath(file.path), file.size >= 0, file.target == nil || file.digest == nil else {
                throw Self.refused("a file at \(Shown.whole(file.path)), which is no path inside its folder")
            }
            if file.digest == nil, file.target == nil { try Folder.make("\(staging)/\(path)") }
        }
        try open()
    }

    /// Goes on to the next file that has bytes.
    private mutating func open() throws {
        while current < files.count {
            let file = files[current]
            guard file.digest != nil, let path = RelativePath(file.path) else {
                current += 1
                continue
            }
            let place = "\(staging)/\(path)"
            try Folder.make(File.parent(of: place))
            descriptor = try File.open(
                place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                mode: file.isProgram == true ? 0o755 : 0o644,
                action: "write")
            rest = file.size
            if rest > 0 { return }
            endFile()
        }
    }

    private mutating func endFile() {
        close(descriptor)
        descriptor = -1
        current += 1
    }

    mutating func append(_ bytes: [UInt8]) throws {
        guard isListed else { throw Self.refused("a file before all of them are announced") }
        var bytes = bytes[...]
        while !bytes.isEmpty {
            guard descriptor >= 0 else { throw Self.refused("more of a file than it had announced") }
            let piece = bytes.prefix(Int(min(rest, Int64(bytes.count))))
            try File.writeAll(Array(piece), to: descriptor, path: staging)
            rest -= Int64(piece.count)
            bytes = bytes.dropFirst(piece.count)
            if rest == 0 {
                endFile()
                try open()
            }
        }
    }

    /// All has come: links are made, and everything is looked at.
    /// - Returns: what lies in the folder now, sorted.
    func checked() throws -> Outputs {
        for file in files {
            guard let target = file.target, let path = RelativePath(file.path) else { continue }
            let place = "\(staging)/\(path)"
            try Folder.make(File.parent(of: place))
            guard !target.utf8.contains(0), symlink(target, place) == 0 else {
                throw Self.refused("the link \(Shown.whole(file.path)) where something else is")
            }
        }
        let found: Outputs
        do { found = try Outputs.look(at: staging) } catch let refused as Outputs.Refused {
            throw Self.refused("what no task may make: \(refused.reason)")
        }
        // Of logs only files are told.
        let there = Set(kind == .made ? found.entries : found.entries.filter { $0.kind == .file })
        guard there == Set(files.map { MadeEntry($0) }) else {
            let wrong = files.first { !there.contains(MadeEntry($0)) }
            throw Self.refused(
                "\(Shown.whole(wrong?.path ?? path)) otherwise than it says: its digest, its size or its kind is another one"
            )
        }
        return found
    }

    func publish(as target: String) throws { try Outputs.publish(staging, as: target) }

    /// Puts the files of logs to their places.
    func publishLogs(in folder: String) throws {
        for file in files {
            guard let path = RelativePath(file.path) else { continue }
            try Folder.make(File.parent(of: "\(folder)/\(path)"))
            let (new, old) = ("\(staging)/\(path)", "\(folder)/\(path)")
            // Into the file that is there, where one is: somebody may be following it.
            if File.exists(old) { try Self.copy(new, over: old) } else { try File.rename(new, to: old) }
        }
        try Folder.remove(staging)
    }

    private static func copy(_ new: String, over old: String) throws {
        let from = try File.open(new, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
        defer { close(from) }
        let to = try File.open(old, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, action: "write")
        defer { close(to) }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var offset: Int64 = 0
        while true {
            let count = read(from, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileFailure("read", new) }
            if count == 0 { break }
            try buffer[..<count].withUnsafeBytes { try File.writeAll($0, at: offset, to: to, path: old) }
            offset += Int64(count)
        }
        if ftruncate(to, off_t(offset)) != 0 { throw FileFailure("write", old) }
    }

    mutating func abandon() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        try? Folder.remove(staging)
    }
}

/// What lies in a folder, as frames.
struct OutgoingMade {
    private var headers: [MadeHeader]
    private let root: String
    private var files: [RunEvent.File]
    private var next = 0
    private var descriptor: Int32 = -1
    private var rest: Int64 = 0

    /// - Parameter root: the folder that the files' paths are relative to.
    init(_ kind: MadeHeader.Kind, path: String, files: [RunEvent.File], root: String) {
        headers = MadeHeader.pieces(kind, path, files).reversed()
        self.root = root
        self.files = files.filter { $0.digest != nil && $0.size > 0 }
    }

    /// - Returns: nil at the end.
    /// - Throws: where a file is not what it was: what has been announced can't be sent.
    mutating func frame() throws -> Frame? {
        if let header = headers.popLast() { return Frame(.made, json: header) }
        if descriptor < 0 {
            guard next < files.count else { return nil }
            let path = files[next].path
            descriptor = try File.open("\(root)/\(path)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
            rest = files[next].size
            next += 1
        }
        let wanted = Int(min(rest, Int64(Frame.dataChunk)))
        var count = 0
        let piece = [UInt8](unsafeUninitializedCapacity: wanted) { [descriptor] buffer, filled in
            repeat { count = read(descriptor, buffer.baseAddress, wanted) } while count < 0 && errno == EINTR
            filled = max(0, count)
        }
        guard count > 0 else {
            end()
            throw ExecutionFailure("a file that a task made is shorter now", place: "\(root)/\(files[next - 1].path)")
        }
        rest -= Int64(count)
        if rest == 0 { end() }
        return Frame(kind: .data, payload: piece)
    }

    mutating func end() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}
