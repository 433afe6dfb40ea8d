internal import Failures
internal import Files

/// What is given to the inputs of a nested metro.
extension MetroCheck {
    mutating func lookUpGiven(to number: Int, after last: Last) {
        let draft = nested[number].draft
        guard let metro = nested[number].metro else {
            hasUnknownNames = true
            given.append([])
            return
        }
        var list: [NestedMetro.Given] = []
        switch draft.given {
        case .nothing:
            if metro.inputs.count == 1, !last.references.isEmpty, !draft.isUncertain {
                list.append(
                    .init(input: metro.inputs[0].name, references: last.references.map { $0.moved(to: draft.position) })
                )
            }
        case .whole(let text):
            if metro.inputs.count == 1 {
                list.append(
                    .init(
                        input: metro.inputs[0].name, references: references(text, entry: 0, isEnabled: draft.isEnabled))
                )
            } else {
                let inputs = metro.inputs.prefix(8).map { Shown.text($0.name.value, atMost: 40) }
                diagnostics.add(
                    inputs.isEmpty
                        ? "\(file(of: metro)) has no inputs, so nothing can be given to it"
                        : "\(file(of: metro)) has \(metro.inputs.count) inputs, and this does not say which one it is for",
                    at: text.position,
                    fix: inputs.isEmpty
                        ? "take “in” out"
                        : "write “in: { \(inputs[0]): \(Shown.text(text.value)) }”; its inputs are \(inputs.joined(separator: ", "))"
                )
            }
        case .byInput(let pairs):
            for (input, text) in pairs {
                guard metro.inputs.contains(where: { $0.name.value == input.value }) else {
                    complain(of: input, metro)
                    continue
                }
                list.append(
                    .init(input: input, references: references(text, entry: 0, isEnabled: draft.isEnabled)))
            }
        }
        given.append(list)
    }

    private func file(of metro: Metro) -> String { Shown.text(metro.file, atMost: 200) }

    private mutating func complain(of input: Located<String>, _ metro: Metro) {
        let names = metro.inputs.map(\.name.value)
        let nearest = diagnostics.nearest(to: input.value, among: names)
        let list = names.prefix(8).map { Shown.text($0, atMost: 40) }.joined(separator: ", ")
        diagnostics.add(
            "\(file(of: metro)) has no input “\(Shown.text(input.value))”", at: input.position,
            fix: nearest.map { "did you mean “\($0)”?" }
                ?? (names.isEmpty ? "it has no inputs at all" : "its inputs are \(list)\(names.count > 8 ? ", …" : "")")
        )
    }

    // MARK: What it must be

    /// That what is given can be what the nested metro makes of it.
    mutating func checkGiven(to number: Int) {
        guard let metro = nested[number].metro, let name = nested[number].name?.value else { return }
        for given in given[number] {
            guard let use = metro.inputUses[given.input.value] else { continue }
            for reference in given.references { checkPattern(reference) }
            if use.isGoneThrough, given.references.count > 1, let first = given.references.first {
                let names = given.references.map { "“\(Shown.text($0.shownName, atMost: 60))”" }
                diagnostics.add(
                    "“\(name)” goes through its input “\(given.input.value)” one by one, and “\(first.word)” has \(names.count) results",
                    at: first.position,
                    fix: "name one of them: \(names.prefix(8).joined(separator: ", "))\(names.count > 8 ? ", …" : "")")
                continue
            }
            for reference in given.references {
                guard let made = made(by: reference) else { continue }
                for demand in use.demands { check(made, reference, demand, use, of: name) }
            }
        }
    }

    private mutating func check(
        _ made: Made, _ reference: Reference, _ demand: InputUse.Demand, _ use: InputUse, of nested: String
    ) {
        let globs = (reference.patterns + demand.patterns).map { Glob($0) }
        for number in made.outputs.indices.prefix(100) {
            let output = made.outputs[number]
            if !output.isFolder, !globs.allSatisfy({ output.mayMatch($0) }) { continue }
            let kind = number < made.kinds.count ? made.kinds[number] : nil
            if let objection = demand.valid.objection(to: output, kind: kind, selectedBy: globs.last) {
                diagnostics.add(
                    "“\(made.name)” makes “\(Shown.text(made.texts[number]))”, which “\(demand.input)” of “\(nested)” does not take: it \(objection)",
                    at: reference.position,
                    fix: made.outputs.count > 1 && globs.isEmpty
                        ? "select what it takes: “\(made.name)/*.\(demand.valid.extensions.first ?? "x")”"
                        : "give it something else, or change “valid” there")
                return
            }
            // One of its tasks is known by the first of its files; the others only lie beside it.
            if made.makesMany, !use.isTakenWhole { return }
        }
    }
}

extension Validity {
    /// - Parameters:
    ///   - kind: what `makes` says of it.
    ///   - glob: what selects among what lies in a folder.
    /// - Returns: why nothing of this name is valid, as far as the name is known; nil when it may be.
    func objection(to output: OutputName, kind: String?, selectedBy glob: Glob?) -> String? {
        if let kind, !extensions.isEmpty {
            return extensions.contains(kind)
                || extensions.contains(Glob.withoutCompression("x." + kind).dropFirst(2).description)
                ? nil
                : "is of the kind \(Shown.text(kind)), not \(extensions.map { Shown.text($0) }.joined(separator: " or "))"
        }
        let mark: Unicode.Scalar = "\u{F8FF}"
        let path = output.isFolder ? glob?.ending ?? "" : output.path(for: String(mark))
        guard let last = path.pathNames.last else { return nil }
        if !last.unicodeScalars.contains(mark) { return objection(toName: last) }
        if let pattern = name, !Glob(pattern).mayMatch(last, anyAt: mark) {
            return "has a name that is not “\(Shown.text(pattern))”"
        }
        // Without an ending of its own, the item's name may end in any way.
        guard let end = last.unicodeScalars.lastIndex(of: mark),
            last.unicodeScalars[end...].contains(".")
        else { return nil }
        var endings = Validity()
        endings.extensions = extensions
        return endings.objection(toName: last)
    }
}

extension Glob {
    /// What all names end with that it selects, a mark for the rest before it; nil where that is not known.
    fileprivate var ending: String? {
        guard case .name(let tokens)? = components.last else { return nil }
        var text = String.UnicodeScalarView()
        for token in tokens {
            switch token {
            case .literal(let scalar): text.append(scalar)
            default: text.append("\u{F8FF}")
            }
        }
        return String(text)
    }
}
