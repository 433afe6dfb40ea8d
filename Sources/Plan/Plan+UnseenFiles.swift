internal import Files
internal import Metro

/// What commands name as if they ran in the metro's folder: a task runs in an empty one of its own.
extension Plan {
    private static let mostNotes = 20

    /// Looks for files of the metro's folder that a command names as they lie there, and can't see. A guess: it is told as a note.
    ///
    /// - Parameter folder: the outermost metro's, absolute. Of metros in it their own folders are looked at.
    package func notesOfUnseenFiles(in folder: String) -> [String] {
        var notes: [String] = []
        for station in stations {
            let metro = station.scripts.flatMap { path in metros.first { $0.path == path } }
            guard station.scripts == nil || metro?.origin != nil else { continue }
            let place = metro?.origin.map { File.parent(of: $0) } ?? folder
            let scripts = metro?.scripts ?? scripts
            for word in CommandTemplate(station.command).fileNames where !station.outputs.contains(word.string) {
                guard let fix = fix(of: word, in: place, scripts, station) else { continue }
                notes.append(
                    "the command of “\(station.id.name)” names “\(word)”, and runs in an empty folder where that does not lie: \(fix)"
                )
                if notes.count == Self.mostNotes { return notes }
            }
        }
        return notes
    }

    private func fix(
        of word: RelativePath, in folder: String, _ scripts: [String], _ station: PlannedStation
    ) -> String? {
        // One in `files/bin` is found by its name, as a program.
        if scripts.contains("files/bin/\(word)") { return nil }
        for script in ["\(word)", "files/\(word)"] where scripts.contains(script) {
            return "write “/.las/\(script)”"
        }
        guard !["metro.yml", "metro.lock"].contains(word.string),
            File.status("\(folder)/\(word)", follow: true)?.kind == .file
        else { return nil }
        let taken = Set((station.takes + station.forEach).compactMap(\.input))
        let isOutermost = station.scripts == nil
        if isOutermost,
            let input = inputs.first(where: { $0.files?.contains { $0.source == word.string } ?? false })
        {
            return taken.contains(input.name)
                ? "write the placeholder of the input “\(input.name)” instead"
                : "take the input “\(input.name)” with “in”, and write “{in}”"
        }
        return
            "put it into the folder “files” and write “/.las/files/\(word.name)”, or make it an input and take it with “in”"
    }
}

extension CommandTemplate {
    /// Words that may be names of files of the folder in which the command runs: plain ones with a dot or a slash in them, that
    /// no value is a part of, and into which it does not write. Sorted, each once.
    var fileNames: [RelativePath] {
        // A value stands for a sign that no such word has.
        let text = pieces.flatMap { piece -> [UInt8] in
            if case .literal(let text) = piece { Array(text.utf8) } else { [0] }
        }
        var names: Set<RelativePath> = []
        var isWritten = false
        for word in text.split(
            omittingEmptySubsequences: false, whereSeparator: { " \t\r\n;|&()<'\"`=".utf8.contains($0) })
        {
            // `> x`, `>x`, `2>x`.
            if let sign = word.lastIndex(of: UInt8(ascii: ">")) {
                isWritten = sign == word.index(before: word.endIndex)
                continue
            }
            if word.isEmpty { continue }
            defer { isWritten = false }
            let plain = word.starts(with: "./".utf8) ? word.dropFirst(2) : word
            guard !isWritten, plain.contains(where: { "./".utf8.contains($0) }), plain.first != UInt8(ascii: "-"),
                !plain.contains(where: { "\0*?[]{}$~\\".utf8.contains($0) }),
                let path = RelativePath(String(decoding: plain, as: UTF8.self))
            else { continue }
            names.insert(path)
        }
        return names.sorted()
    }
}
