internal import Failures
internal import Files
internal import Terminal

let completionCommand = CommandSpec(
    name: "completion", about: "print the completion script of a shell",
    arguments: [.init(name: "SHELL", about: "bash, zsh or fish", completes: .oneOf(["bash", "zsh", "fish"]))],
    examples: [
        ("las completion bash > ~/.local/share/bash-completion/completions/las", "for bash"),
        ("las completion fish > ~/.config/fish/completions/las.fish", "for fish"),
        ("las completion zsh > ~/.zfunc/_las", "for zsh, with ~/.zfunc in fpath"),
    ],
    details: "The script asks las at each Tab, so it knows your hosts, and the stations of the metro on the line."
) { invocation, context in
    switch invocation.arguments[0] {
    case "bash": context.terminal.print(CompletionScript.bash)
    case "zsh": context.terminal.print(CompletionScript.zsh)
    default: context.terminal.print(CompletionScript.fish)
    }
    return .done
}

/// What the scripts call: `las complete bash WORDBREAKS LINE`, `las complete zsh|fish WORD… CURRENT`.
let completeCommand = CommandSpec(
    name: "complete", about: "what may stand at the end of a command line", isHidden: true,
    arguments: [.init(name: "WORDS", about: "the line", mayRepeat: true, completes: .nothing)],
    examples: []
) { invocation, context in
    let completion = Completion(table: CommandTable.all, context: context)
    let words = Array(invocation.arguments.dropFirst())
    var fields: [String] = []
    switch invocation.arguments.first {
    case "bash" where words.count == 2:
        let line = TypedLine(words[1], breaks: words[0])
        guard line.words.count > 1, let current = line.words.last else { return .done }
        fields = CompletionScript.bashFields(
            completion.answer(before: Array(line.words.dropFirst().dropLast()), current: current), line, current)
    case "zsh" where !words.isEmpty:
        fields = CompletionScript.zshFields(completion.answer(before: words.dropLast(), current: words.last ?? ""))
    case "fish" where !words.isEmpty:
        fields = CompletionScript.fishFields(completion.answer(before: words.dropLast(), current: words.last ?? ""))
    default: break
    }
    // Names may hold anything but this byte.
    context.terminal.print(bytes: fields.flatMap { Array($0.utf8) + [0] })
    return .done
}

/// The three scripts, and what las answers them: fields that end with a zero byte, the first of which says what the others are.
enum CompletionScript {
    static let bash = """
        _las() {
            local answer
            mapfile -d '' -t answer < <(command las complete bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
            COMPREPLY=("${answer[@]:1}")
            case ${answer[0]} in
            files) compopt -o default ;;
            beginnings) compopt -o nospace ;;
            esac
        }
        complete -F _las las
        """

    /// The words that go on with what is typed, as they are to stand in the line.
    static func bashFields(_ answer: Completion.Answer, _ line: TypedLine, _ current: String) -> [String] {
        func typed(_ list: [Completion.Candidate]) -> [String] {
            list.filter { $0.word.begins(with: current) }.map { line.typed($0.word) }
        }
        return switch answer {
        case .words(let list): ["words"] + typed(list)
        case .beginnings(let list): ["beginnings"] + typed(list)
        case .files: ["files"]
        }
    }

    static let zsh = """
        #compdef las
        local -a answer found shown
        answer=("${(@0)"$(command las complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)"}")
        found=("${(@)answer[3,2+answer[2]]}")
        shown=("${(@)answer[3+answer[2],2+2*answer[2]]}")
        case $answer[1] in
        words) compadd -l -d shown -a found ;;
        beginnings) compadd -S '' -a found ;;
        files)
            (( answer[2] )) && compset -P $answer[2] '*='
            _files ;;
        esac
        """

    /// `words`, how many, the words, and as many lines that show them.
    static func zshFields(_ answer: Completion.Answer) -> [String] {
        switch answer {
        case .files(let signs): return ["files", "\(signs)"]
        case .words(let list), .beginnings(let list):
            let kind = if case .words = answer { "words" } else { "beginnings" }
            let shown = Table.lines(list.map { [Shown.whole($0.word)] + ($0.about.isEmpty ? [] : ["-- " + $0.about]) })
            return [kind, "\(list.count)"] + list.map(\.word) + shown
        }
    }

    static let fish = """
        function __las_ask
            set -g __las_answer (command las complete fish (commandline -opc)[2..] (commandline -ct) 2>/dev/null | string split0)
            test "$__las_answer[1]" != files
        end
        complete -c las -n __las_ask -f -a '$__las_answer[2..]'
        """

    /// A word, a tab, what it is.
    static func fishFields(_ answer: Completion.Answer) -> [String] {
        switch answer {
        case .files: ["files"]
        case .words(let list), .beginnings(let list):
            // fish has no way to take a word with a tab in it.
            ["words"]
                + list.filter { !$0.word.utf8.contains(UInt8(ascii: "\t")) }.map {
                    $0.word + "\t" + Shown.whole($0.about)
                }
        }
    }
}
