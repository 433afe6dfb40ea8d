internal import Failures
internal import Files
internal import Metro

extension PlannedInput {
    /// Two of its files that would lie at one place, or one below the other, as a message; nil when all have a place.
    ///
    /// One file that two patterns select is no such thing.
    var collision: String? {
        guard kind == .files, base == nil, let files else { return nil }
        var taken: [ExactText: String] = [:]
        var places: [(path: String, source: String)] = []
        for file in files {
            let source = file.origin ?? file.source ?? file.path
            for inside in file.contents ?? [] { places.append(("\(file.path)/\(inside)", "\(source)/\(inside)")) }
            if file.contents == nil { places.append((file.path, source)) }
        }
        for (path, source) in places {
            guard let first = taken.updateValue(source, forKey: ExactText(path)), first != source else { continue }
            return "two files of the input “\(name)” would lie at one place, \(Shown.text(path, atMost: 200))"
        }
        for (path, _) in places {
            var above = File.parent(of: path)
            while above.utf8.count > "/.las/inputs".utf8.count {
                if taken[ExactText(above)] != nil {
                    return "of the input “\(name)”, \(Shown.text(above, atMost: 200)) would be a file and a folder"
                }
                above = File.parent(of: above)
            }
        }
        return nil
    }
}

extension Plan {
    /// The folder below `/.las/inputs` that each input's files lie in; what a metro is given lies where the one around has
    /// it. Not of an image's.
    var inputPlaces: [String: String] {
        var places: [String: String] = [:]
        for input in inputs where input.kind != .image {
            places[input.name] = input.base.map { places[$0.input] } ?? "/.las/inputs/\(input.name)"
        }
        return places
    }
}

extension Planner {
    /// Files of different places that an input would put into one.
    static func checkPlaces(_ inputs: [PlannedInput], _ uses: [MetroUse]) throws(MetroFailure) {
        let collisions = Dictionary(
            inputs.compactMap { input in input.collision.map { (input.name, $0) } },
            uniquingKeysWith: { first, _ in first })
        if collisions.isEmpty { return }
        var diagnostics: [Diagnostic] = []
        for use in uses {
            for input in use.metro.inputs {
                guard let message = collisions[use.name(input.name.value)] else { continue }
                diagnostics.append(
                    Diagnostic(file: use.metro.file, at: input.name.position, message, fix: "declare an input for each")
                )
            }
        }
        throw MetroFailure(diagnostics)
    }
}
