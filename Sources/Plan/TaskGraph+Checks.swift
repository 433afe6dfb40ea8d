internal import Failures
internal import Files
internal import Metro

/// Inputs whose files must pass a command: a task looks at each of them, and who takes the input waits for all.
///
/// To the rest of the graph such an input is like a station that runs for each: what it stands for is known when all its
/// tasks have ended.
extension TaskGraph {
    /// Adds a station of tasks for each input whose files must pass a command, before all others.
    ///
    /// - Returns: their numbers, by the inputs' names.
    mutating func addChecks(
        _ inputs: [String: [PlannedFile]], in environments: Set<EnvironmentID>, _ metros: Set<String>
    ) throws(PlanFailure) -> [String: InputCheck] {
        var checks: [String: InputCheck] = [:]
        for input in plan.inputs {
            // What a metro is given of an input must pass there too.
            let base = input.base.flatMap { checks[$0.input] }
            guard let command = input.valid?.passes, let environment = input.checkedIn else {
                if let base {
                    let among = Set((inputs[input.name] ?? []).map { ExactText($0.path) })
                    checks[input.name] = InputCheck(station: base.station, among: among)
                }
                continue
            }
            let template = CommandTemplate(command)
            let vocabulary = Vocabulary(ofCheck: input.name.pathNames.last ?? input.name)
            guard StationID(input.name).isSafe, environments.contains(environment), template.mistakes.isEmpty,
                input.scripts.map(metros.contains) ?? true,
                template.placeholders.allSatisfy({ vocabulary.meaning(of: $0.word) != nil }), checks[input.name] == nil
            else { throw Self.wrong("the check of the input “\(Shown.text(input.name))”") }
            let files = inputs[input.name] ?? []
            let planned = PlannedStation(
                id: StationID("inputs/\(input.name)"), line: "", environment: environment, takes: [],
                forEach: [Taken(.input(input.name))], command: command, outputs: [],
                scripts: input.scripts)
            checks[input.name] = InputCheck(station: stations.count)
            if let base { stations[base.station].takenBy.append(stations.count) }
            stations.append(
                StationState(
                    planned: planned, template: template, outputs: [], takes: [],
                    forEach: [Take(source: .input(files), globs: [], name: input.name, word: input.name, entry: 0)],
                    vocabulary: vocabulary, valuesNeeded: [1], waitsFor: base == nil ? 0 : 1, values: [], checks: files,
                    checkedBefore: base?.station))
        }
        return checks
    }

    /// The items of a check: every file, also two of one name.
    static func checkItems(of files: [PlannedFile], _ input: String) -> [Item] {
        let counts = Dictionary(files.map { (ExactText($0.name), 1) }, uniquingKeysWith: +)
        return files.map { file in
            let place = file.path.after("/.las/inputs/\(input)/") ?? file.path
            let name = counts[ExactText(file.name)] == 1 ? file.name : ItemName.safe(place)
            return Item(name: name, bindings: [.file(file.path)])
        }
    }

    /// A task of a check has ended.
    ///
    /// - Parameter objection: why its file is not valid: "does not pass …"; nil when it is.
    /// - Returns: what to tell the person, when it was the last one of its input and not all are valid.
    /// - Throws: when nothing valid is left, or nothing may be left out, or what depends on it can't be planned. The task
    ///   then counts as running still: the caller tells `failed` of it.
    package mutating func checked(_ id: TaskID, objection: String?) throws(PlanFailure) -> String? {
        guard let number = taskNumbers[id], tasks[number].status == .handedOut else { return nil }
        let station = tasks[number].station
        guard let files = stations[station].checks, let first = stations[station].tasks?.lowerBound else { return nil }
        let name = stations[station].forEach[0].name
        // What the metro around leaves out already is told by its own check.
        let before = stations[station].checkedBefore.flatMap { stations[$0].passed }.map { Set($0.map(\.path)) }
        let objection = before?.contains(files[number - first].path) == false ? nil : objection
        tasks[number].objection = objection
        if let objection, plan.inputs.contains(where: { $0.name == name && $0.valid?.stops == true }) {
            throw PlanFailure("its file \(objection)", exitCode: .stationsFailed)
        }
        let isLast = stations[station].unfinishedTasks == 1 && !stations[station].isBroken
        var expansion: Expansion = [:]
        var values: [Int: [(Int, [String])]] = [:]
        if isLast {
            let valid = files.indices.filter {
                tasks[first + $0].objection == nil && before?.contains(files[$0].path) != false
            }.map { files[$0] }
            if valid.isEmpty { throw PlanFailure("no file of “\(name)” is valid", exitCode: .stationsFailed) }
            stations[station].passed = valid
            do throws(PlanFailure) {
                values = try checkedValues(of: station, valid)
                expansion = try expanded(stations[station].eachBy)
            } catch {
                stations[station].passed = nil
                throw error
            }
        }
        try end(number, made: [], values: values, expansion: expansion, isLast: isLast)
        return isLast
            ? leftOut(of: station).map { Plan.note(of: $0, name, kept: stations[station].passed?.count ?? 0) } : nil
    }

    /// What the valid files are for each station that takes them whole.
    private func checkedValues(
        of number: Int, _ valid: [PlannedFile]
    ) throws(PlanFailure) -> [Int: [(Int, [String])]] {
        var values: [Int: [(Int, [String])]] = [:]
        for next in stations[number].takenBy where !stations[next].isSkipped {
            for (position, take) in stations[next].takes.enumerated() {
                guard case .checked(number) = take.source else { continue }
                let list = take.selection(of: valid).map(\.path)
                if list.isEmpty {
                    throw PlanFailure(
                        "“in: \(Shown.text(take.shown))” of the station “\(stations[next].planned.id)” matches nothing that is valid",
                        fix: "change the pattern, or the files", exitCode: .stationsFailed)
                }
                values[next, default: []].append((position, list))
            }
        }
        return values
    }

    private func leftOut(of station: Int) -> [LeftOut]? {
        guard let files = stations[station].checks, let range = stations[station].tasks else { return nil }
        let leftOut = zip(range, files).compactMap { task, file in
            tasks[task].objection.map { LeftOut(path: file.shown, reason: $0) }
        }
        return leftOut.isEmpty ? nil : leftOut
    }

    /// What was left out of an input, and how many of its files were taken.
    package struct LeftOutFiles: Hashable, Sendable {
        package let input: String
        package let files: [LeftOut]
        package let kept: Int
    }

    /// All that was left out of the inputs by now, in the order of the plan: before the run, and in it.
    package var leftOut: [LeftOutFiles] {
        plan.inputs.compactMap { input in
            var leftOut = input.leftOut
            var kept = input.files?.count ?? 0
            if let station = stations.firstIndex(where: { $0.checks != nil && $0.forEach[0].name == input.name }),
                let found = self.leftOut(of: station)
            {
                leftOut += found
                kept = stations[station].passed?.count ?? kept - found.count
            }
            return leftOut.isEmpty ? nil : LeftOutFiles(input: input.name, files: leftOut, kept: kept)
        }
    }
}

extension TaskGraph.Take {
    /// Of an input's files those that its pattern selects.
    func selection(of files: [PlannedFile]) -> [PlannedFile] {
        if globs.isEmpty, among == nil { return files }
        return files.filter { file in
            globs.allSatisfy { file.matches($0) } && among?.contains(ExactText(file.path)) ?? true
        }
    }
}

/// How an input is checked in the run: by which station, and which of that one's files it stands for.
struct InputCheck {
    let station: Int
    /// nil for all.
    var among: Set<ExactText>?
}

extension PlannedFile {
    /// What a person calls it.
    var shown: String { source ?? path.after("/.las/inputs/") ?? path }
}
