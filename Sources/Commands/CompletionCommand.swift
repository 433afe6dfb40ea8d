internal import Failures

let completionCommand = CommandSpec(
    name: "completion", about: "print the completion script of a shell",
    arguments: [.init(name: "SHELL", about: "bash, zsh or fish", completes: .nothing)],
    examples: [
        ("las completion bash > ~/.local/share/bash-completion/completions/las", "for bash"),
        ("las completion fish > ~/.config/fish/completions/las.fish", "for fish"),
        ("las completion zsh > ~/.zfunc/_las", "for zsh, with ~/.zfunc in fpath"),
    ]
) { invocation, context in
    switch invocation.arguments[0] {
    case "bash": context.terminal.print(CompletionScript.bash(CommandTable.all))
    case "zsh": context.terminal.print(CompletionScript.zsh(CommandTable.all))
    case "fish": context.terminal.print(CompletionScript.fish(CommandTable.all))
    default:
        throw UsageFailure(
            "there is no completion for “\(invocation.arguments[0])”", fix: "las completion bash, zsh or fish")
    }
    return .done
}

/// Completion scripts, written from the command table; host names come from `las host list --names`.
enum CompletionScript {
    static func bash(_ table: [CommandSpec]) -> String {
        let cases = table.map { command in
            "        '\(command.name)') words='\(optionNames(command))'; kind='\(kind(command))' ;;"
        }
        let pairs = table.filter { $0.name.contains(" ") }
        let families = Set(pairs.map(first)).sorted().map { family in
            let seconds = pairs.filter { first($0) == family }.map { $0.name.dropFirst(family.count + 1) }
            return "        \(family)) second='\(seconds.joined(separator: " "))' ;;"
        }
        return """
            _las() {
                local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} words='' kind='' second=''
                if [ "$COMP_CWORD" = 1 ]; then COMPREPLY=($(compgen -W '\(firstWords(table).joined(separator: " "))' -- "$cur")); return; fi
                case $command in
            \(families.joined(separator: "\n"))
                esac
                if [ -n "$second" ]; then
                    if [ "$COMP_CWORD" = 2 ]; then COMPREPLY=($(compgen -W "$second" -- "$cur")); return; fi
                    command="$command ${COMP_WORDS[2]}"
                fi
                if [ "$prev" = --host ]; then COMPREPLY=($(compgen -W "$(las host list --names 2>/dev/null)" -- "$cur")); return; fi
                case $command in
            \(cases.joined(separator: "\n"))
                esac
                case $cur in
                -*) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;
                *) case $kind in
                    hosts) COMPREPLY=($(compgen -W "$(las host list --names 2>/dev/null)" -- "$cur")) ;;
                    templates) COMPREPLY=($(compgen -W "$(las new --list 2>/dev/null)" -- "$cur")) ;;
                    *) compopt -o default; COMPREPLY=() ;;
                    esac ;;
                esac
            }
            complete -F _las las
            """
    }

    static func zsh(_ table: [CommandSpec]) -> String {
        "#compdef las\nautoload -U +X bashcompinit && bashcompinit\n" + bash(table)
    }

    static func fish(_ table: [CommandSpec]) -> String {
        var lines = ["complete -c las -n __fish_use_subcommand -f"]
        for word in firstWords(table) {
            let about = table.first { $0.name == word }?.about ?? "the commands of \(word)"
            lines.append("complete -c las -n __fish_use_subcommand -f -a \(word) -d '\(about)'")
        }
        for command in table {
            let words = command.name.split(separator: " ")
            var condition = "__fish_seen_subcommand_from \(words[0])"
            if words.count > 1 {
                lines.append("complete -c las -n '\(condition)' -f -a \(words[1]) -d '\(command.about)'")
                condition += "; and __fish_seen_subcommand_from \(words[1])"
            }
            for option in command.options + CommandLine.common {
                let takes =
                    option.value == nil ? "" : option.completes == .hosts ? " -x -a '(las host list --names)'" : " -r"
                lines.append(
                    "complete -c las -n '\(condition)' -l \(option.name.dropFirst(2)) -d '\(option.about)'\(takes)")
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func first(_ command: CommandSpec) -> String { String(command.name.prefix { $0 != " " }) }
    private static func firstWords(_ table: [CommandSpec]) -> [String] { Set(table.map(first)).sorted() }
    private static func optionNames(_ command: CommandSpec) -> String {
        (command.options + CommandLine.common).map(\.name).joined(separator: " ")
    }
    private static func kind(_ command: CommandSpec) -> String {
        switch command.arguments.first?.completes {
        case .hosts: "hosts"
        case .templates: "templates"
        default: "files"
        }
    }
}
