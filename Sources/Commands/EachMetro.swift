internal import Digests
internal import Failures
internal import Files
internal import Metro
internal import Parts
internal import Plan
internal import Terminal

/// One command for each of several files, as a metro: made in memory, or written down.
struct EachMetro {
    struct File: Sendable {
        /// As the person gave it.
        let typed: String
        let origin: String
        /// Below the input's folder.
        let place: String
        /// The item's `{name}`.
        let name: String
    }

    let command: String
    let needs: [String]
    /// What each makes; nil where what is printed is shown.
    let out: String?
    let files: [File]

    static let input = "items"
    static let station = "run"
    /// What messages call the metro that nobody has written.
    private static let name = "las each"

    /// - Parameter files: as they were typed; one that is there twice counts once.
    init(command: String, files typed: [String], needs: [String], out: String?) throws {
        let words = command.unicodeScalars.drop { " \t\n".unicodeScalars.contains($0) }
        if words.isEmpty {
            throw UsageFailure("the command is empty", fix: "las each 'wc -w {each}' *.txt")
        }
        if let control = words.first(where: { $0.value < 0x20 && $0 != "\n" && $0 != "\t" || $0.value == 0x7F }) {
            throw UsageFailure(
                "the command has a character that can't be shown (number \(control.value))", fix: "take it out")
        }
        let names = ["{each}", "{\(Self.input)}"].contains { command.contains($0) }
        // As xargs and its like do.
        self.command = names ? command : command + " {each}"
        if out == nil, command.contains("{out}") {
            throw UsageFailure(
                "the command names {out}, and nothing says what it makes", fix: "name it: --out '{name}.txt'")
        }
        (self.needs, self.out) = (needs, out)
        files = Self.files(typed)
    }

    // MARK: Files

    private static func files(_ typed: [String]) -> [File] {
        var seen = Set<ExactText>()
        var all: [(typed: String, names: [String])] = []
        for text in typed {
            let names = normal(Context.absolute(text).pathNames)
            if seen.insert(ExactText(names.joined(separator: "/"))).inserted { all.append((text, names)) }
        }
        let common = common(of: all.map { Array($0.names.dropLast()) })
        let below = all.map { $0.names.dropFirst(common).joined(separator: "/") }
        // Items come in the order of their places: a number in front keeps that of the command line.
        let isSorted = zip(below, below.dropFirst()).allSatisfy { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let digits = "\(all.count)".count
        let names = itemNames(of: all.map(\.names), common: common)
        return all.indices.map { number in
            let count = "\(number + 1)"
            let numbered =
                String(repeating: "0", count: digits - count.count) + count + "/" + (all[number].names.last ?? "")
            return File(
                typed: all[number].typed, origin: Context.absolute(all[number].typed),
                place: isSorted ? below[number] : numbered, name: names[number])
        }
    }

    private static func normal(_ names: [String]) -> [String] {
        var normal: [String] = []
        for name in names where name != "." {
            if name == ".." { _ = normal.popLast() } else { normal.append(name) }
        }
        return normal
    }

    /// How many names all folders begin with.
    private static func common(of folders: [[String]]) -> Int {
        guard var common = folders.first else { return 0 }
        for folder in folders.dropFirst() { common = zip(common, folder).prefix { $0 == $1 }.map(\.0) }
        return common.count
    }

    /// A file's name without its ending; with it, with its folders, with a number, as far as it takes to tell them apart.
    private static func itemNames(of files: [[String]], common: Int) -> [String] {
        let ways: [([String]) -> String] = [
            { Glob.stem(of: $0.last ?? "") }, { $0.last ?? "" }, { $0.dropFirst(common).joined(separator: "_") },
        ]
        var names = files.map(ways[0])
        for way in ways.dropFirst() {
            let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
            for (number, file) in files.enumerated() where counts[names[number]] ?? 0 > 1 { names[number] = way(file) }
        }
        var taken = Set<String>()
        for number in names.indices {
            var (name, count) = (names[number], 2)
            while !taken.insert(name).inserted {
                name = "\(names[number])-\(count)"
                count += 1
            }
            names[number] = name
        }
        return names
    }

    // MARK: The metro

    /// - Parameter patterns: of its files, as the metro says them.
    func text(_ patterns: [String]) -> String {
        var text = "metro: each\nabout: One command for each of several files.\n"
        if !needs.isEmpty { text += "needs: { debian: [\(needs.map(Self.scalar).joined(separator: ", "))] }\n" }
        let items =
            patterns.count == 1
            ? " \(Self.scalar(patterns[0]))\n" : "\n" + patterns.map { "    - \(Self.scalar($0))\n" }.joined()
        text += "inputs:\n  \(Self.input):\(items)"
        text += "lines:\n  main:\n    - station: \(Self.station)\n      for_each: \(Self.input)\n"
        text += "      command: \(Self.block(command, indent: 8))\n"
        text += "      out: \(Self.scalar(out ?? "{name}.txt"))\n"
        return text
    }

    /// A text in one line of YAML: as it is where that is safe, else in quotes.
    private static func scalar(_ text: String) -> String {
        isPlain(text) && !text.contains(where: { ",[]{}".contains($0) })
            ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }

    /// A command as it is where that is safe, else in lines of its own.
    private static func block(_ text: String, indent: Int) -> String {
        if isPlain(text) { return text }
        let margin = String(repeating: " ", count: indent)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let begin = lines.first?.first == " " ? "|2-" : "|-"
        return begin + "\n" + lines.map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n")
    }

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.first, let last = text.last, !"-?:,[]{}#&*!|>'\"%@` ~=".contains(first) else {
            return false
        }
        return last != " " && last != ":" && !text.contains(": ") && !text.contains(" #")
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }

    /// The metro in memory.
    private func source(_ context: Context) throws -> MetroSource {
        // Where results would begin with a dot, as those of hidden files, nothing would bring them.
        var printing = self
        if out == nil { printing = EachMetro(self, out: "of-{name}") }
        let text = printing.text(["*"])
        let metro = try MetroReader.read(text: text, file: Self.name)
        let digest = Digest(of: Set(needs).sorted().joined(separator: "\n")).short
        let folder = "\(context.lash.each)/\(digest)"
        try Folder.make(folder)
        let replaced = try ReplacedInputs(
            Self.input, files: files.map { .init(origin: $0.origin, place: $0.place, name: $0.name) })
        let plan = try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder, replaced: replaced))
        return MetroSource(
            file: Self.name, folder: folder, text: Array(text.utf8), metro: metro, replaced: replaced, plan: plan,
            updating: "las each --update …")
    }

    private init(_ other: EachMetro, out: String) {
        (command, needs, files, self.out) = (other.command, other.needs, other.files, out)
    }

    /// - Parameter anew: whether the packages are chosen again.
    func material(_ context: Context, anew: Bool) async throws -> RunMaterial {
        let source = try source(context)
        if anew { Files.File.remove(source.lockFile) }
        let packed = try await Packing(context: context, source: source).parts()
        return RunMaterial(metro: source.plan.metro, plan: packed.plan, parts: packed.parts)
    }

    // MARK: Without running it

    /// Each command as it would be run, with the files as the person gave them.
    func commands(_ context: Context) throws -> [String] {
        var graph = try TaskGraph(try source(context).plan)
        return zip(files, graph.takeReady()).map { file, task in
            var line =
                switch task.command {
                case .shell(let text): text
                case .direct(let words): words.map(Self.word).joined(separator: " ")
                }
            // Only the folder: the name itself may stand there in quotes.
            func folder(_ path: String) -> String {
                String(decoding: path.utf8.dropLast(path.pathNames.last?.utf8.count ?? 0), as: UTF8.self)
            }
            line = line.replacing(folder(Self.path(of: file)), with: folder(file.typed))
            if out != nil, let saved = task.savesPrinted { line += " > \(Shown.word(saved))" }
            return Shown.whole(line, keepingLines: true)
        }
    }

    private static func word(_ text: String) -> String {
        text.begins(with: "-") ? "-" + Shown.word(text.after("-") ?? "") : Shown.word(text)
    }

    /// Where the command sees a file.
    static func path(of file: File) -> String { "/.las/inputs/\(input)/\(file.place)" }

    /// Writes the metro down, for files in the folder of the metro.
    func save(to path: String) throws {
        if Files.File.exists(path) {
            throw UsageFailure("\(Shown.whole(path)) exists already", fix: "choose another name, or remove it first")
        }
        let folder = Self.normal(Files.File.parent(of: Context.absolute(path)).pathNames)
        var places: [String] = []
        for file in files {
            let names = Self.normal(file.origin.pathNames)
            guard names.starts(with: folder), names.count > folder.count else {
                throw UsageFailure(
                    "\(Shown.whole(file.typed)) does not lie in the folder of \(Shown.whole(path))",
                    fix:
                        "save the metro beside the files, or in a folder above them: a metro takes files of its own folder"
                )
            }
            guard Files.File.exists(file.origin) else {
                throw UsageFailure("there is no file \(Shown.whole(file.typed))")
            }
            places.append(names.dropFirst(folder.count).joined(separator: "/"))
        }
        let root = "/" + folder.joined(separator: "/")
        let text = text(Self.patterns(of: places, in: root))
        // What would not run is not written.
        let metro = try MetroReader.read(text: text, file: path)
        _ = try Planner.plan(metro, files: try InputFiles.find(for: metro, in: root))
        try Files.File.create(path, text)
    }

    /// `texts/*.txt` where those are all that are there, else each by its name.
    private static func patterns(of places: [String], in folder: String) -> [String] {
        struct Kind: Hashable {
            let folder: String
            let ending: String
        }
        func kind(_ place: String) -> Kind {
            let name = Files.File.name(of: place)
            let ending = String(decoding: name.utf8.dropFirst(Glob.stem(of: name).utf8.count), as: UTF8.self)
            return Kind(folder: place.contains("/") ? Files.File.parent(of: place) : "", ending: ending)
        }
        var patterns: [String] = []
        var told = Set<Kind>()
        let groups = Dictionary(grouping: places, by: kind)
        for place in places {
            let kind = kind(place)
            guard let group = groups[kind] else { continue }
            let there = (try? Folder.names(in: kind.folder.isEmpty ? folder : "\(folder)/\(kind.folder)")) ?? []
            let all = there.filter { $0.ends(with: kind.ending) && !$0.begins(with: ".") }
            let isWhole =
                group.count > 1 && !kind.ending.isEmpty && all.count == group.count
                && group.allSatisfy { !Files.File.name(of: $0).begins(with: ".") }
            if !isWhole {
                patterns.append(Glob.escaped(place))
            } else if told.insert(kind).inserted {
                let inside = kind.folder.isEmpty ? "" : Glob.escaped(kind.folder) + "/"
                patterns.append("\(inside)*\(Glob.escaped(kind.ending))")
            }
        }
        return patterns
    }
}
