internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Layers
internal import Metro

/// Programs of the packing machine, gathered with the shared libraries that they name and the interpreters of scripts.
///
/// They lie in a folder of their own and are started by the machine's own loader, so that it does not matter which C library
/// the environment has.
struct HostPrograms {
    /// Below `/usr/local`.
    private static let own = "lib/las-host"

    let names: [String]
    /// Where programs are looked for, with colons between.
    let path: String
    /// Exists; programs' output is kept in it while it is read.
    let folder: String

    private var files: [String: LockedHost.File] = [:]
    private var texts: [String: [UInt8]] = [:]
    private var seen: Set<String> = []

    init(_ names: [String], path: String, folder: String) {
        (self.names, self.path, self.folder) = (names, path, folder)
    }

    /// What belongs to the programs now.
    ///
    /// - Returns: the files, and the texts of those that las writes itself, by their places.
    /// - Throws: exit code 2 for a program that there is not, or that can't be taken along.
    static func gather(
        _ names: [String], path: String, folder: String
    ) throws -> (locked: LockedHost, texts: [String: [UInt8]]) {
        var programs = HostPrograms(names, path: path, folder: folder)
        for name in names { try programs.add(name) }
        return (
            LockedHost(machine: machine(), files: programs.files.values.sorted { $0.place < $1.place }),
            programs.texts
        )
    }

    /// What the system calls itself (os-release(5)).
    private static func machine() -> String {
        let text = (try? File.read("/etc/os-release", atMost: 1 << 16)) ?? []
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") where line.hasPrefix("PRETTY_NAME=") {
            return String(line.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" })
        }
        return "Linux"
    }

    private mutating func add(_ name: String) throws {
        guard seen.insert(name).inserted else { return }
        let places = path.split(separator: ":").map { String($0) + "/" + name }
        let found = places.first { access($0, X_OK) == 0 }
        guard let found, let real = File.real(found), File.status(real)?.kind == .file else {
            throw DepotFailure(
                "this machine has no program \(Shown.whole(name))",
                fix: "install it, or name a package that has it below “debian”", .usage)
        }
        let bytes = try File.read(real)
        if let elf = ElfFile(bytes) {
            guard elf.isOfThisMachine else {
                throw DepotFailure(
                    "\(Shown.whole(found)) is a program for other processors",
                    fix: "name a package that has it below “debian”", .usage)
            }
            try add(name, program: real, elf)
        } else if bytes.starts(with: "#!".utf8) {
            try add(name, script: real, bytes)
        } else {
            throw DepotFailure(
                "\(Shown.whole(found)) is neither a program nor a script that names its interpreter",
                fix: "put it into the folder files/bin of the metro instead", .usage)
        }
    }

    private mutating func add(_ name: String, program real: String, _ elf: ElfFile) throws {
        guard let loader = elf.loader else {
            try copy(real, to: "bin/\(name)")
            return
        }
        let listed = try Program.run(loader, ["--list", real], folder: folder)
        guard listed.status == 0 else {
            throw DepotFailure(
                "the libraries of \(Shown.whole(real)) can't be found out",
                cause: Shown.whole(String(decoding: listed.errors.prefix(500), as: UTF8.self)),
                fix: "see whether it runs on this machine", .usage)
        }
        for line in String(decoding: listed.output, as: UTF8.self).split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            guard words.count >= 3, words[1] == "=>" else { continue }
            guard words[2].hasPrefix("/") else {
                throw DepotFailure(
                    "\(Shown.whole(real)) needs \(Shown.whole(words[0])), which this machine does not have",
                    fix: "see whether it runs on this machine", .usage)
            }
            try copy(words[2], to: "\(Self.own)/lib/\(File.name(of: words[0]))")
        }
        let start = "\(Self.own)/lib/\(File.name(of: loader))"
        try copy(loader, to: start)
        try copy(real, to: "\(Self.own)/bin/\(name)")
        // Older loaders have no --argv0; then a program takes its own path for its name.
        let knows = try Program.run(loader, ["--argv0", name, "--list", real], folder: folder).status == 0
        write(
            """
            #!/bin/sh
            exec /usr/local/\(start) --library-path /usr/local/\(Self.own)/lib \(knows ? "--argv0 \"$0\" " : "")\
            /usr/local/\(Self.own)/bin/\(name) "$@"

            """, to: "bin/\(name)")
    }

    /// What every environment has.
    private static let base: Set<String> = ["sh", "bash", "dash", "awk", "mawk", "sed"]
    /// What is nothing without modules that lie all over a machine.
    private static let worlds = [
        "python", "perl", "ruby", "Rscript", "node", "php", "java", "tclsh", "wish", "lua", "guile",
    ]

    private mutating func add(_ name: String, script real: String, _ bytes: [UInt8]) throws {
        let line = String(decoding: bytes.dropFirst(2).prefix { $0 != 10 }.prefix(500), as: UTF8.self)
        var words = line.split(separator: " ").map(String.init)
        let usesEnv = words.first.map { File.name(of: $0) } == "env"
        if usesEnv { words.removeFirst() }
        if usesEnv, words.first == "-S" { words.removeFirst() }
        guard let interpreter = words.first.map({ File.name(of: $0) }), !interpreter.isEmpty else {
            throw DepotFailure(
                "the script \(Shown.whole(real)) names no interpreter in its first line",
                fix: "put it into the folder files/bin of the metro instead", .usage)
        }
        if let world = Self.worlds.first(where: { interpreter.hasPrefix($0) }) {
            throw DepotFailure(
                "\(Shown.whole(name)) is a script for \(Shown.whole(interpreter))",
                cause: "of \(world), its modules would have to come along, and they lie all over the machine",
                fix: "take it as a package, below “debian”" + (world == "python" ? " or “pip”" : ""), .usage)
        }
        if Self.base.contains(interpreter) {
            try copy(real, to: "bin/\(name)")
            return
        }
        try add(interpreter)
        try copy(real, to: "\(Self.own)/bin/\(name)")
        let rest = words.dropFirst().map { " " + $0 }.joined()
        write(
            "#!/bin/sh\nexec /usr/local/bin/\(interpreter)\(rest) /usr/local/\(Self.own)/bin/\(name) \"$@\"\n",
            to: "bin/\(name)")
    }

    private mutating func copy(_ from: String, to place: String) throws {
        let real = File.real(from) ?? from
        let file = LockedHost.File(place: place, from: from, sha256: try Download.digest(of: real))
        if let other = files[place], other.sha256 != file.sha256 {
            throw DepotFailure(
                "\(Shown.whole(from)) and \(Shown.whole(other.from)) are different libraries of one name",
                fix: "give the stations that need these programs needs of their own", .usage)
        }
        files[place] = file
    }

    private mutating func write(_ text: String, to place: String) { texts[place] = Array(text.utf8) }
}
