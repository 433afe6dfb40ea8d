internal import Failures
internal import Files

/// The files of a metro and of all metros in it: each is read once, however often it is named.
struct MetroFiles {
    /// A file that has been read.
    private struct Known {
        /// What it says its name is.
        let name: String?
        /// nil for one with mistakes, or with a metro in it that has some.
        let metro: Metro?
        /// How many levels of metros it is, itself included.
        var levels = 1
        /// How many stations and metros stand in it, in the metros in it too.
        var size = 0
        /// Bytes of the longest path to a station in it.
        var length = 0
    }

    /// By their paths with all links followed.
    private var known: [ExactText: Known] = [:]
    /// The files that are being read, each for the one before it.
    private var open: [(shown: String, real: ExactText)] = []
    private var failures: [(number: Int, failure: MetroFailure)] = []
    private var count = 0
    /// YAML's nodes, and bytes, of all files that have been read.
    private var nodes = 0
    private var bytes = 0

    private static let mostLevels = 64
    private static let mostStations = 20_000
    private static let longest = 1000

    /// The mistakes of all files, in the order in which they are named; nil when there are none.
    var failure: MetroFailure? {
        if failures.isEmpty { return nil }
        let sorted = failures.sorted { $0.number < $1.number }.map(\.failure)
        let told = sorted.flatMap(\.diagnostics)
        return MetroFailure(
            Array(told.prefix(Diagnostics.limit)),
            more: sorted.reduce(0) { $0 + $1.more } + max(0, told.count - Diagnostics.limit))
    }

    /// - Parameters:
    ///   - shown: the path to name in messages.
    ///   - real: the path with all links followed.
    ///   - location: the path whose folder holds what the metro names.
    /// - Returns: nil for one with mistakes, or in whose metros there are some: `failure` has them.
    mutating func read(_ text: [UInt8], shown: String, real: String, location: String) -> Metro? {
        let real = ExactText(real)
        let number = count
        count += 1
        bytes += text.count
        var diagnostics = Diagnostics(file: shown)
        guard let root = YAMLReader.read(text, nodes: &nodes, diagnostics: &diagnostics) else {
            known[real] = Known(name: nil, metro: nil)
            if let failure = diagnostics.failure { failures.append((number, failure)) }
            return nil
        }
        var reading = MetroReading(diagnostics: diagnostics, folder: File.parent(of: location))
        let draft = reading.metro(root)
        open.append((shown, real))
        var nested: [NestedDraft] = []
        let own = draft.lines.reduce(0) { $0 + $1.stops.count }
        var (levels, size) = (1, own)
        if own > Self.mostStations, let line = draft.lines.last {
            reading.diagnostics.add(
                "the metro has \(own) stations, and at most \(Self.mostStations) can be in one", at: line.name.position,
                fix: "“for_each” and “repeat” run one station many times")
        }
        var length = draft.lines.flatMap(\.stations).map(\.name.value.utf8.count).max() ?? 0
        for stop in draft.lines.flatMap(\.nested) {
            let found = find(stop, folder: File.parent(of: location), shown: shown, &reading)
            levels = max(levels, 1 + (found?.levels ?? 0))
            // One with mistakes counts for nothing, so that what is too large is told once.
            size += found?.metro == nil ? 0 : found?.size ?? 0
            let name = name(of: stop, found, &reading)
            nested.append(NestedDraft(draft: stop, name: name, metro: found?.metro))
            length = max(length, (name?.value.utf8.count ?? 0) + 1 + (found?.length ?? 0))
            if size > Self.mostStations, own <= Self.mostStations {
                size = 0
                reading.diagnostics.add(
                    "with this metro there are more than \(Self.mostStations) stations", at: stop.position,
                    fix: "metros that use each other many times grow fast; use one of them less often")
            }
            if length > Self.longest, found?.length ?? 0 <= Self.longest {
                reading.diagnostics.add(
                    "the names of metros in metros, and of a station at their end, are longer than \(Self.longest) bytes",
                    at: stop.position, fix: "give them shorter names: “as: NAME” beside “metro”")
                length = 0
            }
        }
        open.removeLast()
        var check = MetroCheck(draft, nested: nested, file: shown, location: location, diagnostics: reading.diagnostics)
        let metro = check.metro()
        let failure = check.diagnostics.failure
        if let failure { failures.append((number, failure)) }
        let isWhole = failure == nil && nested.allSatisfy { $0.metro != nil }
        known[real] = Known(
            name: draft.name.value.isEmpty ? nil : draft.name.value, metro: isWhole ? metro : nil,
            levels: levels, size: size, length: length)
        return known[real]?.metro
    }

    /// `as`, or the nested metro's own name as far as it can be one here.
    private func name(
        of stop: MetroDraft.Nested, _ found: Known?, _ reading: inout MetroReading
    ) -> Located<String>? {
        if let name = stop.name { return name }
        guard let own = found?.name else { return nil }
        let name = Located(String(own.map { $0 == "." ? "-" : $0 }), at: stop.position)
        if Vocabulary.isReserved(name.value) {
            reading.diagnostics.add(
                "“\(Shown.text(name.value))”, the name of this metro, has a meaning of its own", at: stop.position,
                fix: "call it otherwise here: “as: NAME” beside “metro”")
        }
        return name
    }

    // MARK: Finding

    /// The file that a stop names; what is wrong with that is told.
    private mutating func find(
        _ stop: MetroDraft.Nested, folder: String, shown: String, _ reading: inout MetroReading
    ) -> Known? {
        let said = stop.file.value
        func refuse(_ message: String, _ fix: String) -> Known? {
            reading.diagnostics.add(message, at: stop.position, fix: fix)
            return nil
        }
        if said.begins(with: "/") || said.begins(with: "~") || said.holds("://") {
            return refuse(
                "“\(Shown.text(said))” is no path from this metro to another one",
                "write it relative to the folder of this metro: “../qc/metro.yml”")
        }
        if said.utf8.count > Self.longest { return refuse("this path is too long", "a path has at most 1000 bytes") }
        var path = folder + "/" + said
        var near = File.parent(of: shown) + "/" + said
        if File.status(path, follow: true)?.kind == .folder {
            path += "/metro.yml"
            near += "/metro.yml"
            if File.status(path, follow: true) == nil {
                return refuse(
                    "the folder “\(Shown.text(said))” holds no metro.yml", "name the metro's file, or its folder")
            }
        }
        guard let place = File.real(path), let status = File.status(place) else {
            return refuse(
                "there is no metro at “\(Shown.text(said))”", "the path is relative to the folder of this metro")
        }
        if status.kind != .file { return refuse("“\(Shown.text(said))” is no file", "name the file of a metro") }
        let real = ExactText(place)
        if let start = open.firstIndex(where: { $0.real == real }) {
            let circle = (open[start...] + [open[start]]).map { Shown.text($0.shown, atMost: 100) }
            let shown = circle.count > 12 ? circle.prefix(6) + ["…"] + circle.suffix(5) : circle[...]
            return refuse(
                circle.count == 2
                    ? "a metro can't stand in itself: \(shown.joined(separator: " → "))"
                    : "these metros stand in each other: \(shown.joined(separator: " → "))",
                "one of them must do without the other")
        }
        let file = Self.normal(near, real: place) ?? Self.normal(path, real: place) ?? path
        let levels = known[real]?.levels ?? 1
        if open.count + levels > Self.mostLevels {
            return refuse(
                "with this metro there are more than \(Self.mostLevels) levels of metros in metros",
                "put the stations of some of them into one metro")
        }
        if let known = known[real] { return known }
        if bytes + Int(status.size) > YAMLReader.sizeLimit {
            return refuse(
                "with this metro the files have more than \(YAMLReader.sizeLimit) bytes together",
                "keep data in files of their own and name them under “inputs”")
        }
        let text: [UInt8]
        do throws(FileFailure) { text = try File.read(place, atMost: YAMLReader.sizeLimit) } catch {
            return refuse("the metro at “\(Shown.text(said))” can't be read: \(error)", "name the file of a metro")
        }
        _ = read(text, shown: file, real: place, location: place)
        return known[real]
    }

    /// The path without `.` and `..`, if that is the same file.
    private static func normal(_ path: String, real: String) -> String? {
        var names: [String] = []
        for name in path.pathNames where name != "." {
            if name == "..", let last = names.last, last != ".." { names.removeLast() } else { names.append(name) }
        }
        let text = (path.begins(with: "/") ? "/" : "") + names.joined(separator: "/")
        return File.real(text) == real ? text : nil
    }
}
