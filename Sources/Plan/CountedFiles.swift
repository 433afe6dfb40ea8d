internal import Files
internal import Metro

/// Which files of a metro's image count for a task: those that its command names, and what it may well look at beside them.
///
/// A task sees all of the image. What counts errs on the side of too much: a file too many costs a run that was not needed,
/// a file too few a result that is wrong.
package struct CountedFiles: Sendable {
    /// All files of inputs as tasks see them, sorted by their bytes.
    private let inputs: [String]
    /// By the metro that they belong to, "" for the outermost one.
    private let scripts: [String: ScriptNames]

    /// - Parameters:
    ///   - inputs: `/.las/inputs/reads/s1.fq`.
    ///   - scripts: `files/bin/plot.py`, by the metro's `PlannedMetro.path`, "" for the outermost one.
    package init(inputs: some Sequence<String>, scripts: [String: [String]]) {
        self.inputs = Set(inputs.map(ExactText.init)).sorted().map(\.string)
        self.scripts = scripts.mapValues { ScriptNames($0) }
    }

    /// What the image has that is packed of a plan.
    package init(_ plan: Plan) {
        let inputs = plan.inputs.filter { $0.kind != .image && $0.base == nil }.flatMap { input in
            (input.files ?? []).flatMap { file in file.contents?.map { "\(file.path)/\($0)" } ?? [file.path] }
        }
        let scripts = [("", plan.scripts)] + plan.metros.map { ($0.path, $0.scripts) }
        self.init(inputs: inputs, scripts: Dictionary(scripts, uniquingKeysWith: { first, _ in first }))
    }

    /// Where a task looks among the inputs: folders that it takes whole, single files.
    package func places(of task: PlannedTask, _ reach: ScriptReach) -> [String] {
        if reach.looksAtInputs { return ["/.las/inputs"] }
        guard reach.looksAround else { return task.inputs }
        // An item's own folder, and with it all of its input.
        return Set(task.inputs.map { ExactText(Self.folder(of: $0)) }).sorted().map(\.string)
    }

    private static func folder(of place: String) -> String {
        "/" + place.pathNames.prefix(3).joined(separator: "/")
    }

    /// The files that count at a place: all in a folder that is taken whole; of a file, it and those beside it that have its
    /// name with other endings (`s1.bam.bai` and `s1.bai` beside `s1.bam`).
    package func files(at place: String) -> [String] {
        let stem = "\(File.parent(of: place))/\(Glob.stem(of: File.name(of: place)))"
        var found = Set((all(beginning: place + "/") + all(beginning: stem + ".")).map(ExactText.init))
        for path in [place, stem] where all(beginning: path).first.map({ ExactText($0) == ExactText(path) }) == true {
            found.insert(ExactText(path))
        }
        return found.sorted().map(\.string)
    }

    private func all(beginning start: String) -> [String] {
        let bytes = Array(start.utf8)
        var (low, high) = (0, inputs.count)
        while low < high {
            let middle = (low + high) / 2
            if inputs[middle].utf8.lexicographicallyPrecedes(bytes) { low = middle + 1 } else { high = middle }
        }
        return Array(inputs[low...].prefix { $0.utf8.starts(with: bytes) })
    }

    /// What of the metro's own scripts counts for a task, and what they and its command may look at.
    ///
    /// - Parameters:
    ///   - station: whose task it is; nil for one that looks at a file of an input.
    ///   - isInEnvironment: whether the environment has a program of that name, which a script in `files/bin` takes the
    ///     place of.
    ///   - look: what a script says, by its path.
    package func reach(
        of task: PlannedTask, _ station: PlannedStation?, isInEnvironment: (String) -> Bool,
        look: (String) throws -> ScriptLook
    ) rethrows -> ScriptReach {
        let all = names(of: task.scripts)
        let passes = (station?.turns?.until ?? []).compactMap {
            if case .passes(let command) = $0 { command } else { nil }
        }
        let said = [station?.command ?? task.checks ?? ""] + passes + task.variables.values.sorted()
        var looks = said.map { ScriptLook(Array($0.utf8), all) }
        // A value may be a part of a script's name.
        if !all.paths.isEmpty {
            for command in [task.command] + task.until.compactMap(\.command) {
                looks.append(ScriptLook(Self.text(of: command), all, isFilled: true))
            }
        }
        let replacing = all.paths.indices.filter {
            all.paths[$0].begins(with: "files/bin/") && isInEnvironment(File.name(of: all.paths[$0]))
        }
        return try ScriptReach(all, looks, always: replacing, look: look)
    }

    /// - Parameters:
    ///   - script: its text; nil where it is too large to be looked through.
    ///   - metro: whose script it is, nil for the outermost one.
    package func look(at script: [UInt8]?, of metro: String?) -> ScriptLook {
        let all = names(of: metro)
        return script.map { ScriptLook($0, all, isScript: true) } ?? ScriptLook(unknownAmong: all)
    }

    private func names(of metro: String?) -> ScriptNames { scripts[metro ?? ""] ?? ScriptNames([]) }

    private static func text(of command: PlannedTask.Command) -> [UInt8] {
        switch command {
        case .shell(let text): Array(text.utf8)
        case .direct(let words): Array(words.joined(separator: " ").utf8)
        }
    }
}
