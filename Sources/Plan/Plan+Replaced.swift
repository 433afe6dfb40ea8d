internal import Failures
internal import Files
internal import Metro

/// A plan that was made before, with other files for some of its inputs: a bundle that is run on them.
extension Plan {
    /// The inputs that may be replaced: their patterns, by their whole names.
    package var replaceable: [String: [String]] {
        Dictionary(
            inputs.filter { $0.base == nil }.map { ($0.name, $0.kind == .files ? $0.patterns : []) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The archives that replaced inputs are given.
    package func archives(of replaced: ReplacedInputs, _ brought: InputFiles.Brought) -> [InputFiles.Archive] {
        replaced.archives(of: Set(inputs.filter { $0.unpacks == true }.map(\.name)), brought)
    }

    /// Plans anew what depends on the files: the inputs that are replaced, and what metros are given of them.
    ///
    /// - Parameter brought: all that is to be fetched and unpacked.
    /// - Throws: for files that are not valid, and for what `for_each` makes of them.
    package func replacing(
        _ replaced: ReplacedInputs, brought: InputFiles.Brought
    ) throws(PlanFailure) -> Plan {
        var plan = self
        var found: [String: [InputFiles.Found]] = [:]
        for (number, input) in inputs.enumerated() {
            var given: [InputFiles.Found]
            if let replacement = replaced.inputs[input.name] {
                given = try replacement.files(unpacked: input.unpacks == true, brought)
            } else if let base = input.base, let above = found[base.input] {
                let globs = base.patterns.map { Glob($0) }
                given = above.filter { file in globs.allSatisfy { file.matches($0) } }
            } else {
                continue
            }
            let (kept, leftOut) = try valid(given, of: input)
            found[input.name] = kept
            plan.set(kept, leftOut, at: number, patterns: replaced.inputs[input.name]?.patterns, found)
        }
        for input in plan.inputs {
            if let collision = input.collision { throw PlanFailure(collision, fix: "name other files with --input") }
        }
        _ = try TaskGraph(plan)
        return plan
    }

    private func valid(
        _ all: [InputFiles.Found], of input: PlannedInput
    ) throws(PlanFailure) -> ([InputFiles.Found], [LeftOut]) {
        var (kept, leftOut): ([InputFiles.Found], [LeftOut]) = ([], [])
        for file in all {
            if let reason = input.valid?.objection(to: file, in: "") {
                leftOut.append(LeftOut(path: file.path, reason: reason))
            } else {
                kept.append(file)
            }
        }
        if all.isEmpty {
            throw PlanFailure("there is no file for the input “\(input.name)”", fix: "name other files with --input")
        }
        guard let first = leftOut.first else { return (kept, []) }
        let more = leftOut.count > 1 ? ", and \(leftOut.count - 1) more" : ""
        let told = "\(Shown.text(first.path)) \(first.reason)\(more)"
        if kept.isEmpty {
            throw PlanFailure("no file of “\(input.name)” is valid: \(told)", fix: "name other files with --input")
        }
        if input.valid?.stops == true {
            throw PlanFailure(
                "\(leftOut.count) of \(all.count) files of “\(input.name)” \(leftOut.count == 1 ? "is" : "are") not valid: \(told)",
                fix: "name other files with --input")
        }
        return (kept, leftOut)
    }

    /// - Parameter patterns: nil for what is given of another input, which is replaced.
    private mutating func set(
        _ kept: [InputFiles.Found], _ leftOut: [LeftOut], at number: Int, patterns: [String]?,
        _ found: [String: [InputFiles.Found]]
    ) {
        let input = inputs[number]
        func note(_ leftOut: [LeftOut], kept: Int) -> [String] {
            leftOut.isEmpty ? [] : [Self.note(of: leftOut, input.name, kept: kept)]
        }
        let before = note(input.leftOut, kept: input.files?.count ?? 0)
        let place = notes.firstIndex { before.contains($0) }
        notes.removeAll { before.contains($0) }
        notes.insert(contentsOf: note(leftOut, kept: kept.count), at: min(place ?? 0, notes.count))
        // Files that a metro is given lie where the input around has them.
        var root = input
        while let base = root.base, let above = inputs.first(where: { $0.name == base.input }) { root = above }
        let own = patterns ?? inputs.first { $0.name == input.base?.input }?.patterns ?? []
        inputs[number] = PlannedInput(
            name: input.name, kind: .files, patterns: own,
            files: kept.compactMap { PlannedFile(elsewhere: $0, of: root.name) }, unpacks: input.unpacks == true,
            base: input.base, valid: input.valid, checkedIn: input.checkedIn, scripts: input.scripts, leftOut: leftOut)
    }
}

extension ReplacedInputs.Replacement {
    /// All files, sorted, once what is to be fetched and unpacked is there.
    fileprivate func files(
        unpacked: Bool, _ brought: InputFiles.Brought
    ) throws(PlanFailure) -> [InputFiles.Found] {
        let fetched = addresses.compactMap { file in
            brought.fetched[file.address.text].map { InputFiles.Found(fetched: file.address, at: $0) }
        }
        let sorted = (found + fetched).sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        if !unpacked { return sorted }
        if let folder = sorted.first(where: { $0.contents != nil }) {
            throw PlanFailure(
                "\(Shown.text(folder.path)) is a folder, and the input is unpacked from archives",
                fix: "name an archive with --input")
        }
        return InputFiles().contents(of: sorted, in: "", brought)
    }
}
