internal import Failures
internal import Files
internal import HostProtocol
internal import Hosts
internal import Metro

/// What may stand where a person presses the Tab key, by the command table.
struct Completion {
    struct Candidate: Hashable, Sendable {
        /// The whole word, with an option's name and `=` where they were typed into it.
        let word: String
        var about = ""
    }

    enum Answer: Equatable, Sendable {
        case words([Candidate])
        /// Words after which more is typed at once: `reads=`.
        case beginnings([Candidate])
        /// The shell's own files, after that many signs `=` in the word.
        case files(after: Int)

        static let nothing = Answer.words([])
    }

    let table: [CommandSpec]
    let context: Context

    /// - Parameters:
    ///   - before: the words between `las` and the one that is typed.
    ///   - current: that one, as far as it is typed.
    func answer(before: [String], current: String) -> Answer {
        guard let (command, rest) = CommandLine.command(namedBy: before, table: table) else {
            return .words(names(after: before, isFirst: before.isEmpty, current))
        }
        var typed = Typed(of: command)
        for word in rest { typed.take(word) }
        if let option = typed.waiting { return values(option.completes, command, typed, current) }
        if !typed.isEnded, current.begins(with: "--"), let equals = current.utf8.firstIndex(of: UInt8(ascii: "=")) {
            let name = String(decoding: current.utf8[..<equals], as: UTF8.self)
            guard let option = command.allOptions.first(where: { $0.name == name && $0.value != nil }) else {
                return .nothing
            }
            let value = String(decoding: current.utf8[equals...].dropFirst(), as: UTF8.self)
            return values(option.completes, command, typed, value).behind(name + "=")
        }
        if !typed.isEnded, current.begins(with: "-") {
            return .words(
                command.allOptions.filter { $0.mayRepeat || typed.options[$0.name] == nil }
                    .map { Candidate(word: $0.name, about: $0.about) })
        }
        let number = typed.arguments.count
        let argument =
            number < command.arguments.count
            ? command.arguments[number] : command.arguments.last.flatMap { $0.mayRepeat ? $0 : nil }
        return argument.map { values($0.completes, command, typed, current) } ?? .nothing
    }

    /// Names of commands, or the second words of a family.
    private func names(after before: [String], isFirst: Bool, _ current: String) -> [Candidate] {
        let shown = table.filter { !$0.isHidden }
        if isFirst {
            if current.begins(with: "-") {
                return [
                    Candidate(word: "--help", about: "explain las"),
                    Candidate(word: "--version", about: "say which version of las this is"),
                ]
            }
            var seen = Set<String>()
            return shown.compactMap { command in
                let words = command.name.split(separator: " ").map(String.init)
                guard seen.insert(words[0]).inserted else { return nil }
                let family = shown.filter { $0.name.begins(with: words[0] + " ") }
                let seconds = family.map { String($0.name.dropFirst(words[0].count + 1)) }.joined(separator: ", ")
                return Candidate(word: words[0], about: words.count == 1 ? command.about : seconds)
            }
        }
        guard before.count == 1 else { return [] }
        return shown.compactMap { command in
            command.name.after(before[0] + " ").map { Candidate(word: $0, about: command.about) }
        }
    }

    private func values(
        _ kind: CommandSpec.Completes, _ command: CommandSpec, _ typed: Typed, _ current: String
    ) -> Answer {
        switch kind {
        case .nothing: .nothing
        case .files: .files(after: 0)
        case .metro:
            // The metro may be the first of the two.
            command.arguments.contains { $0.completes == .stations } && typed.arguments.count == 1
                ? stations(of: typed.arguments[0]) ?? .files(after: 0) : .files(after: 0)
        case .oneOf(let words): .words(words.map { Candidate(word: $0) })
        case .commands:
            .words(names(after: typed.arguments, isFirst: typed.arguments.isEmpty, current))
        case .hosts:
            .words(
                ([Host.local] + ((try? HostList.read(context(typed).lash))?.hosts ?? [])).map {
                    Candidate(word: $0.name, about: $0.address?.description ?? "this machine")
                })
        case .templates: .words(((try? context.templateNames()) ?? []).map { Candidate(word: $0) })
        case .runs:
            .words(
                ((try? Folder.names(in: context(typed).lash.runs)) ?? []).filter { RunID($0) != nil }
                    .map { Candidate(word: $0) })
        case .stations: stations(of: ".") ?? .files(after: 0)
        case .nested:
            .words(metro(command, typed).map { nested(in: $0).map { Candidate(word: $0) } } ?? [])
        case .inputs:
            inputs(command, typed, current)
        }
    }

    private func context(_ typed: Typed) -> Context {
        context.with(Invocation(arguments: [], options: typed.options.mapValues { $0.map(path) }))
    }

    /// A path as the shell would hand it on.
    private func path(_ typed: String) -> String {
        guard let rest = typed.after("~/"), let home = context.environment["HOME"] else { return typed }
        return home + "/" + rest
    }

    // MARK: What a metro names

    /// The one that was named before on the line, else that of the current folder; nil when it has mistakes.
    private func metro(_ command: CommandSpec, _ typed: Typed) -> Metro? {
        let number = command.arguments.firstIndex { $0.completes == .metro }
        let given = number.flatMap { $0 < typed.arguments.count ? typed.arguments[$0] : nil } ?? "."
        return try? MetroReader.read(path: MetroSource.file(path(given)))
    }

    /// nil where there is no metro.
    private func stations(of given: String) -> Answer? {
        let file = MetroSource.file(path(given))
        guard File.exists(file) else { return nil }
        return .words((try? MetroReader.read(path: file)).map { stations(of: $0) } ?? [])
    }

    private func stations(of metro: Metro, in path: String = "") -> [Candidate] {
        metro.stops.flatMap { stop -> [Candidate] in
            switch stop {
            case .station(let station):
                [Candidate(word: path + station.name.value, about: "on the line \(station.line)")]
            case .nested(let nested): stations(of: nested.metro, in: path + nested.name.value + "/")
            }
        }
    }

    private func nested(in metro: Metro, path: String = "") -> [String] {
        metro.nested.flatMap { nested in
            [path + nested.name.value] + self.nested(in: nested.metro, path: path + nested.name.value + "/")
        }
    }

    private func inputs(_ command: CommandSpec, _ typed: Typed, _ current: String) -> Answer {
        if current.utf8.contains(UInt8(ascii: "=")) { return .files(after: 1) }
        func names(of metro: Metro, in path: String) -> [Candidate] {
            metro.inputs.map { Candidate(word: path + $0.name.value + "=") }
                + metro.nested.flatMap { names(of: $0.metro, in: path + $0.name.value + "/") }
        }
        return .beginnings(metro(command, typed).map { names(of: $0, in: "") } ?? [])
    }
}

extension Completion.Answer {
    /// The same after what was typed into the same word before.
    fileprivate func behind(_ start: String) -> Self {
        func behind(_ list: [Completion.Candidate]) -> [Completion.Candidate] {
            list.map { .init(word: start + $0.word, about: $0.about) }
        }
        return switch self {
        case .words(let list): .words(behind(list))
        case .beginnings(let list): .beginnings(behind(list))
        case .files(let signs): .files(after: signs + 1)
        }
    }
}

/// The words of a line that is not finished: nothing in it is a mistake yet.
private struct Typed {
    let command: CommandSpec
    var arguments: [String] = []
    var options: [String: [String]] = [:]
    /// The option whose value comes next.
    var waiting: CommandSpec.Option?
    /// After `--`.
    var isEnded = false

    init(of command: CommandSpec) { self.command = command }

    mutating func take(_ word: String) {
        if let option = waiting {
            options[option.name, default: []].append(word)
            waiting = nil
        } else if isEnded || !word.begins(with: "--") {
            arguments.append(word)
        } else if word == "--" {
            isEnded = true
        } else {
            let name = String(decoding: word.utf8.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            guard let option = command.allOptions.first(where: { $0.name == name }) else { return }
            if option.value != nil, name.utf8.count == word.utf8.count {
                waiting = option
            } else {
                options[name, default: []].append(word.after(name + "=") ?? "")
            }
        }
    }
}
