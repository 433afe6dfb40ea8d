internal import Failures
internal import Files
internal import Glibc
internal import Metro
internal import Plan

/// Looks whether what `until` asks for holds after a turn, in the task's own folder, before its outputs are moved.
///
/// The folder is what the command left: links in it may lead anywhere, so none is followed.
struct TurnLook {
    let task: PlannedTask
    /// The host's path of the task's `/task`.
    let work: String
    /// The run's `made`.
    let made: String

    /// - Returns: what does not hold, each as a person says it: "loss was 0.42, not below 0.1".
    /// - Throws: when it can't be told, which is a failure of the task.
    func unmet() throws(Outputs.Refused) -> [String] {
        var unmet: [String] = []
        for condition in task.until {
            switch condition.requirement {
            case .outputContains(let text):
                if !File.holds(Array(text.utf8), try output()) {
                    unmet.append("\(shownOutput) did not contain “\(Shown.text(text))”")
                }
            case .outputLacks(let text):
                if File.holds(Array(text.utf8), try output()) {
                    unmet.append("\(shownOutput) contained “\(Shown.text(text))”")
                }
            case .fileExists(let file):
                if try place(of: file) == nil { unmet.append("there was no file \(Shown.text(file))") }
            case .unchanged:
                guard let before = task.turnBefore else {
                    unmet.append("there was no turn before this one")
                    continue
                }
                let (name, now) = (task.outputs[0].path, try output())
                if !File.areSame(now, "\(made)/\(before)/\(name)") {
                    unmet.append("\(shownOutput) was not as in the turn before")
                }
            case .value(let file, let bound):
                let value = try value(in: file)
                if !bound.holds(value.number) {
                    unmet.append("\(Self.name(of: file)) was \(value.text), not \(bound.words)")
                }
            case .passes: break
            }
        }
        return unmet
    }

    private var shownOutput: String { Shown.text(task.outputs.first?.path ?? "the output") }

    /// The first output, which must be there.
    private func output() throws(Outputs.Refused) -> String {
        guard let output = task.outputs.first, let path = RelativePath(output.path),
            let place = try place(of: path.string)
        else { throw Outputs.Refused("it did not make \(shownOutput)") }
        let status = File.status(place)
        if status?.kind == .link {
            throw Outputs.Refused("its output \(path) is a link; “until” looks at files: copy it instead (cp -L)")
        }
        // One that can't be read would lack every text.
        if let status, status.kind == .file { chmod(place, status.mode & 0o777 | 0o400) }
        return place
    }

    /// - Returns: where a path of the task's folder lies; nil when there is nothing.
    private func place(of path: String) throws(Outputs.Refused) -> String? {
        guard let path = RelativePath(path) else {
            throw Outputs.Refused("“\(Shown.text(path))” is no path inside /task")
        }
        var place = work
        for component in path.components.dropLast() {
            place += "/" + component
            if File.status(place)?.kind == .link {
                throw Outputs.Refused("“\(Shown.text(component))”, the folder of \(path), is a link")
            }
        }
        place = work + "/" + path.string
        return File.status(place) == nil ? nil : place
    }

    // MARK: value_in

    private func value(in file: String) throws(Outputs.Refused) -> (number: Double, text: String) {
        let shown = Shown.text(file)
        guard let place = try place(of: file) else {
            throw Outputs.Refused("there is no \(shown) for “value_in”: the command did not write it")
        }
        guard File.status(place)?.kind == .file else {
            throw Outputs.Refused("“value_in” looks at a file, and \(shown) is none")
        }
        let text = String(decoding: Self.beginning(of: place), as: UTF8.self)
        if let found = ValueText.number(in: text) { return found }
        let begin =
            text.split(whereSeparator: \.isNewline).first { !$0.allSatisfy(\.isWhitespace) }.map {
                Shown.text(String($0))
            } ?? ""
        throw Outputs.Refused(
            begin.isEmpty
                ? "\(shown) is empty, and “value_in” needs a number there"
                : "\(shown) holds “\(begin)”, in which no single number stands out: let the command write the number alone"
        )
    }

    /// Enough for a number and what stands around it.
    private static func beginning(of path: String) -> [UInt8] {
        guard let descriptor = try? File.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, action: "read")
        else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        return Array(bytes[..<max(0, count)])
    }

    /// `loss` of `loss.txt`, `s1.loss` as it is.
    private static func name(of file: String) -> String {
        let name = File.name(of: file)
        for ending in [".txt", ".csv", ".tsv", ".json"] where name.ends(with: ending) && name != ending {
            return Shown.text(String(decoding: name.utf8.dropLast(ending.utf8.count), as: UTF8.self))
        }
        return Shown.text(name)
    }
}

/// A file that holds one value, as programs write it.
enum ValueText {
    /// - Returns: the number that the text begins with, or the only thing in it besides a name: `0.42`, `12 lines.txt`,
    ///   `loss: 0.42`, `loss=0.42`, `{"loss": 0.42}`, `loss,0.42`; nil where it is not clear what is meant.
    static func number(in text: String) -> (number: Double, text: String)? {
        let first = text.split(whereSeparator: \.isWhitespace).first ?? ""
        if let number = Number.read(first) { return (number, String(first)) }
        let words = text.split { $0.isWhitespace || "{}[]\"':=,;".contains($0) }
        let isNamed = words.count == 2 && (words[0].first?.isLetter ?? false)
        guard let last = words.last, words.count == 1 || isNamed, let number = Number.read(last),
            // "0,42" is neither 0 nor 42.
            words.count == 2 || !text.contains(where: { ",;:".contains($0) })
        else { return nil }
        return (number, String(last))
    }
}
