import Digests
import Execution
import Files
import Glibc
import HostProtocol
import JSON
import Metro
import Parts
import Plan
import TestSupport
import Threads

/// Images as squashfs-tools make them: an environment of bash and a few programs of this machine, and metros of a plan.
enum TestImages {
    static let folder = "/tmp/las-tests/images-\(getuid())"

    /// Made once for all tests.
    static let environment: String = {
        do { return try makeEnvironment() } catch { fatalError("the test's image can't be made: \(error)") }
    }()

    private static let programs = [
        "bash", "cat", "ls", "cp", "mkdir", "sleep", "head", "ln", "seq", "wc", "chmod", "mkfifo", "id", "echo", "env",
        "proot",
        "timeout", "setsid",
    ]

    private static func makeEnvironment() throws -> String {
        let image = folder + "/environment-4.squashfs"
        if File.exists(image) { return image }
        try Folder.withTemporary(in: folder, named: "tree") { tree in
            chmod(tree, 0o755)
            for name in ["bin", "lib", "lib64", ".las", "proc", "sys", "dev", "tmp", "task", "etc"] {
                try Folder.make(tree + "/" + name)
            }
            try Folder.make(tree + "/etc/folder")
            try File.write("of the image\n", to: tree + "/etc/folder/file")
            try File.write("of the image\n", to: tree + "/etc/file")
            symlink("folder/file", tree + "/etc/link")
            for name in programs {
                guard let program = Program.find(name) else { continue }
                try Program("cp").run("-L", program, tree + "/bin/" + name)
                for library in try Program("ldd").run(program).output.split(whereSeparator: \.isWhitespace)
                where library.hasPrefix("/") {
                    try Folder.make(tree + File.parent(of: String(library)))
                    try Program("cp").run("-L", "-n", String(library), tree + String(library))
                }
            }
            try pack(tree, to: image)
        }
        return image
    }

    /// The metro image: the plan, a script and an input.
    ///
    /// - Parameter files: further ones, or others in their places, by their paths in the image; scripts are programs.
    static func metro(_ plan: Plan, _ files: [String: String] = [:], to image: String) throws {
        try Folder.withTemporary(in: folder, named: "metro") { tree in
            chmod(tree, 0o755)
            for name in ["made", "inputs/word", "files/bin"] + plan.packedFolders { try Folder.make(tree + "/" + name) }
            try File.write(planText(plan), to: tree + "/plan.json")
            try File.write("hello\n", to: tree + "/inputs/word/word.txt")
            try File.write("#!/bin/bash\necho \"<$1>\"\n", to: tree + "/files/bin/embrace", mode: 0o755)
            for (path, text) in files {
                try Folder.make(File.parent(of: "\(tree)/\(path)"))
                try File.write(text, to: "\(tree)/\(path)", mode: path.hasPrefix("files/bin/") ? 0o755 : 0o644)
            }
            try pack(tree, to: image)
        }
    }

    static func planText(_ plan: Plan) -> [UInt8] { JSONText.encode(plan) }

    private static func pack(_ tree: String, to image: String) throws {
        let beside = image + ".\(UInt32.random(in: 0 ... .max))"
        let made = try Program("mksquashfs").run(
            tree, beside, "-comp", "zstd", "-all-root", "-noappend", "-no-progress", "-quiet")
        guard made.status == 0 else { throw FileFailure("make the image", image, code: EIO) }
        try File.rename(beside, to: image)
    }

    /// A part of the file, cut in pieces of a mebibyte.
    static func part(_ kind: Part.Kind, _ name: String, _ path: String) throws -> (part: Part, extents: ExtentList) {
        let bytes = try File.read(path)
        let extents = try ExtentList(
            stride(from: 0, to: bytes.count, by: 1 << 20).map { start in
                let piece = bytes[start..<min(start + 1 << 20, bytes.count)]
                return Extent(length: Int64(piece.count), digest: Digest(of: piece))
            })
        return (Part(kind: kind, name: name, size: Int64(bytes.count), digest: extents.digest), extents)
    }
}

/// A plan in few words.
func station(
    _ name: String, _ command: String, out: [String] = ["out.txt"], takes: [Taken] = [], forEach: [Taken] = [],
    uses: Resources = Resources(), turns: Turns? = nil, seed: Seed? = nil, retry: Int = 0, usesNetwork: Bool = false,
    secrets: [String] = []
) -> PlannedStation {
    PlannedStation(
        id: StationID(name), line: "line", environment: .main, takes: takes, forEach: forEach, command: command,
        outputs: out, uses: uses, turns: turns, seed: seed, retry: retry, usesNetwork: usesNetwork, secrets: secrets)
}

func from(_ station: String, _ pattern: String? = nil) -> Taken {
    Taken(.station(StationID(station)), pattern: pattern)
}

func plan(_ stations: [PlannedStation], results: [String]? = nil) -> Plan {
    Plan(
        metro: "test", environments: [PlannedEnvironment(id: .main, needs: Needs())],
        inputs: [
            PlannedInput(
                name: "word", kind: .files, patterns: ["word.txt"],
                files: [PlannedFile(name: "word", path: "/.las/inputs/word/word.txt", source: "word.txt")])
        ],
        stations: stations, results: (results ?? stations.map(\.id.name)).map { PlannedResult(station: StationID($0)) })
}

/// A run in a LASH of its own, and what happened.
struct TestRun: Sendable {
    let folder: RunFolder
    let events: [RunEvent]
    let ended: Piece.Ended

    /// In a thread of its own: a run may have mounts of its own, and so has the thread that it is in.
    /// - Parameters:
    ///   - files: of the metro, see `TestImages`.
    ///   - name: of the run; several may be in one LASH.
    ///   - engine: nil for the best here.
    ///   - environment: nil for the digest that its image has.
    ///   - resumes: the run is there already.
    ///   - secrets: what the stations may know that name it.
    static func perform(
        _ plan: Plan, _ files: [String: String] = [:], in scratch: String, name: String = "test-run",
        engine: Engine? = nil, cpus: Int? = nil, asOrdinaryUser: Bool = false, isFresh: Bool = false,
        environment: Digest? = nil, resumes: Bool = false, failsFast: Bool = false,
        secrets: [String: String] = [:], keepsMade: Bool = false, isUnsandboxed: Bool = false
    ) throws -> TestRun {
        let image = scratch + "/\(name).squashfs"
        try TestImages.metro(plan, files, to: image)
        func location(_ kind: Part.Kind, _ name: String, _ path: String) throws -> ImageLocation {
            let (part, _) = try TestImages.part(kind, name, path)
            let digest = kind == .environment ? environment ?? part.digest : part.digest
            return ImageLocation(path: path, offset: 0, size: part.size, digest: digest)
        }
        var start = RunStart(
            run: RunID(name)!, metro: try location(.metro, "test", image),
            environments: ["main": try location(.environment, "main", TestImages.environment)], cpus: cpus,
            engine: engine, isFresh: isFresh, failsFast: failsFast)
        if keepsMade { start.keepsMade = true }
        if isUnsandboxed { start.isUnsandboxed = true }
        let body: @Sendable () throws -> TestRun = { [start] in
            let lash = LASH(root: scratch + "/lash")
            let folder = RunFolder(start.run, in: lash)
            if !resumes { try folder.make(for: start) }
            let journal = try Journal(folder.journal)
            nonisolated(unsafe) var events: [RunEvent] = []
            let ended = Piece(start, folder: folder, in: lash, journal: journal, secret: { secrets[$0] })
                .perform { events.append($0) }
            return TestRun(folder: folder, events: events, ended: ended)
        }
        if !asOrdinaryUser { return try OwnThread.waiting(body) }
        OrdinaryUser.give(scratch)
        return try OrdinaryUser.run(body)
    }

    func first(_ kind: RunEvent.Kind, _ task: String? = nil) -> RunEvent? {
        events.first { $0.kind == kind && (task == nil || $0.task?.name == task) }
    }

    func result(_ path: String) throws -> String {
        String(decoding: try File.read(folder.results + "/" + path), as: UTF8.self)
    }

    /// The tasks that something happened to, sorted.
    func tasks(_ kind: RunEvent.Kind) -> [String] {
        events.filter { $0.kind == kind }.compactMap { $0.task?.name }.sorted()
    }

    var results: [String] { events.last?.files?.map(\.path) ?? [] }
}
