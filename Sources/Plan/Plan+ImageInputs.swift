internal import Failures
internal import Files
internal import Metro

/// The files of an environment's image, before there is one.
package struct ImageFiles {
    /// Absolute, in any order.
    package let paths: [String]
    /// Where the bytes of a path lie on this machine: of a folder, those of all files in it.
    package let locations: (String) -> [String]

    package init(paths: [String], locations: @escaping (String) -> [String] = { _ in [] }) {
        (self.paths, self.locations) = (paths, locations)
    }
}

extension Plan {
    /// Whether the files of all inputs are known: those of an image are when its environment is solved, those that are
    /// fetched or unpacked when that is done.
    package var knowsAllInputs: Bool { inputs.allSatisfy { $0.files != nil } }

    package var hasImageInputs: Bool { inputs.contains { $0.kind == .image } }
    package var imageInputs: [PlannedInput] { inputs.filter { $0.kind == .image } }

    /// The plan with its `image` inputs as they were resolved before; nil where they are others.
    package func with(imageInputs resolved: [PlannedInput]) -> Plan? {
        guard imageInputs.map(\.name) == resolved.map(\.name) else { return nil }
        var (plan, resolved) = (self, resolved[...])
        for number in inputs.indices where inputs[number].kind == .image {
            guard let input = resolved.popFirst() else { continue }
            plan.inputs[number] = input
            if !input.leftOut.isEmpty {
                plan.notes.append(Self.note(of: input.leftOut, input.name, kept: input.files?.count ?? 0))
            }
        }
        return plan
    }

    /// The plan with the files of its `image` inputs.
    ///
    /// - Throws: for a pattern that matches nothing there, and for what `for_each` makes of the files.
    package func resolvingImageInputs(_ filesOf: (EnvironmentID) -> ImageFiles) throws(PlanFailure) -> Plan {
        var plan = self
        for (number, input) in inputs.enumerated() where input.kind == .image {
            if let base = input.base {
                try plan.filter(number, base, filesOf)
                continue
            }
            var files: [PlannedFile]?
            var leftOut: [LeftOut] = []
            for environment in input.environments {
                let found: [PlannedFile]
                (found, leftOut) = try Self.files(of: input, among: filesOf(environment), in: environment)
                if let files, files != found {
                    throw PlanFailure(
                        "the input “\(input.name)” stands for other files in the environment “\(environment)” than in "
                            + "“\(input.environments[0])”", fix: "declare an input for each")
                }
                files = found
            }
            plan.inputs[number].files = files ?? []
            plan.inputs[number].leftOut = leftOut
            if !leftOut.isEmpty { plan.notes.append(Self.note(of: leftOut, input.name, kept: files?.count ?? 0)) }
        }
        _ = try TaskGraph(plan)
        return plan
    }

    /// Some of the files of another input, which are known by now.
    private mutating func filter(
        _ number: Int, _ base: PlannedInput.Base, _ filesOf: (EnvironmentID) -> ImageFiles
    ) throws(PlanFailure) {
        let input = inputs[number]
        let globs = base.patterns.map { Glob($0) }
        let source = inputs.first { $0.name == base.input }
        let given = (source?.files ?? []).filter { file in globs.allSatisfy { file.matches($0) } }
        // They are the same in all environments.
        var root = source
        while let above = root?.base { root = inputs.first { $0.name == above.input } }
        let image = root?.environments.first.map(filesOf)
        var (files, leftOut): ([PlannedFile], [LeftOut]) = ([], [])
        for file in given {
            if let reason = input.valid?.objection(toName: File.name(of: file.path))
                ?? input.valid?.objection(toContentsAt: image?.locations(file.path) ?? [])
            {
                leftOut.append(LeftOut(path: file.path, reason: reason))
            } else {
                files.append(file)
            }
        }
        if files.isEmpty, let first = leftOut.first {
            throw PlanFailure(
                "no file of “\(base.input)” is valid for “\(input.name)”: \(Shown.text(first.path)) \(first.reason)",
                fix: "change “valid”, or what is given")
        }
        if input.valid?.stops == true, let first = leftOut.first {
            throw PlanFailure(
                "\(leftOut.count) of \(given.count) files of “\(base.input)” \(leftOut.count == 1 ? "is" : "are") not valid for "
                    + "“\(input.name)”: \(Shown.text(first.path)) \(first.reason)",
                fix: "change what is given, or take “otherwise: stop” out, so that they are left out")
        }
        inputs[number].files = files
        inputs[number].leftOut = leftOut
        if !leftOut.isEmpty { notes.append(Self.note(of: leftOut, input.name, kept: files.count)) }
    }

    private static func files(
        of input: PlannedInput, among image: ImageFiles, in environment: EnvironmentID
    ) throws(PlanFailure) -> ([PlannedFile], [LeftOut]) {
        let pattern = input.patterns.first ?? ""
        let glob = Glob(pattern)
        let start = "/" + glob.folder.map { $0 + "/" }.joined()
        let found = image.paths.filter { $0.begins(with: start) && glob.matches($0) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        if found.isEmpty {
            throw PlanFailure(
                "the input “\(input.name)” is not in the environment “\(environment)”: nothing there matches "
                    + "“\(Shown.text(pattern, atMost: 200))”", fix: nearest(to: glob, among: image.paths))
        }
        var (files, leftOut): ([PlannedFile], [LeftOut]) = ([], [])
        for path in found {
            if let reason = input.valid?.objection(toName: File.name(of: path))
                ?? input.valid?.objection(toContentsAt: image.locations(path))
            {
                leftOut.append(LeftOut(path: path, reason: reason))
            } else {
                files.append(
                    PlannedFile(name: ItemName.safe(glob.itemName(of: path) ?? Glob.stem(of: path)), path: path))
            }
        }
        if files.isEmpty, let first = leftOut.first {
            throw PlanFailure(
                "no file of “\(input.name)” in the environment “\(environment)” is valid: \(Shown.text(first.path)) "
                    + first.reason, fix: "change “valid”, or the pattern")
        }
        if input.valid?.stops == true, let first = leftOut.first {
            let more = leftOut.count > 1 ? ", and \(leftOut.count - 1) more" : ""
            throw PlanFailure(
                "\(leftOut.count) of \(found.count) files of “\(input.name)” in the environment “\(environment)” "
                    + "\(leftOut.count == 1 ? "is" : "are") not valid: \(Shown.text(first.path)) \(first.reason)\(more)",
                fix: "change the pattern, or take “otherwise: stop” out, so that they are left out")
        }
        return (files, leftOut)
    }

    /// "3 of 12 reads were left out: empty.fq is not larger than 0".
    static func note(of leftOut: [LeftOut], _ input: String, kept: Int) -> String {
        let named = leftOut.prefix(3).map { "\(Shown.text($0.path, atMost: 200)) \($0.reason)" }.joined(separator: ", ")
        let more = leftOut.count > 3 ? ", and \(leftOut.count - 3) more" : ""
        let all = leftOut.count + kept
        return "\(leftOut.count) of \(all) \(input) \(leftOut.count == 1 ? "was" : "were") left out: \(named)\(more)"
    }

    /// The same name in another folder, else a like one in the same.
    private static func nearest(to glob: Glob, among paths: [String]) -> String {
        guard let last = glob.parts.last else { return "name a file by its whole path" }
        let start = "/" + glob.folder.map { $0 + "/" }.joined()
        let elsewhere = paths.filter { path in
            switch last {
            case .literal(let name): File.name(of: path) == name
            case .wildcard(let part): part.matches(File.name(of: path))
            case .folders: false
            }
        }
        let beside = paths.filter { $0.begins(with: start) && $0.utf8.count < 400 }.prefix(2000)
        let nearest =
            elsewhere.count <= 20
            ? Suggestion.nearest(to: glob.text, among: elsewhere.filter { $0.utf8.count < 400 }) ?? elsewhere.min()
            : nil
        if let path = nearest ?? Suggestion.nearest(to: glob.text, among: beside) {
            return "did you mean \(Shown.text(path, atMost: 200))?"
        }
        return "it is the path of a file that one of the needs brings"
    }
}
