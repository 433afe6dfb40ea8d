import Files
import Metro
import TestSupport
import Testing

@testable import Plan

#if canImport(Glibc)
    import Glibc
#endif

/// Random values in random places of random commands: bash is the judge, and a program gets exactly the value, or las refuses
/// the command.
@Suite struct RandomQuotingTests {
    /// Some that are always tried, and `LAS_TEST_SEED`; in the soak one that never was before.
    static let seeds: [UInt64] = [
        1, 2, 3, 4,
        getenv("LAS_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
            ?? (getenv("LAS_SOAK") == nil ? 5 : UInt64.random(in: 0 ... .max)),
    ]

    /// For each seed.
    static let commands = 200

    @Test(arguments: seeds) func aProgramGetsExactlyTheValue(_ seed: UInt64) throws {
        var random = RandomCommands(seed: seed)
        try withScratch { folder in
            var refused = 0
            let bash = Program(
                "/bin/bash",
                environment: [
                    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "LOG": folder + "/log",
                    "BASH_FUNC_show%%": "() { printf '%s\\0' \"$#\" \"$@\" >> \"$LOG\"; }",
                ], folder: folder)
            for number in 0..<Self.commands {
                let command = random.command()
                let template = CommandTemplate(command.text)
                if !template.mistakes.isEmpty {
                    refused += 1
                    continue
                }
                guard case .shell(let text) = template.command({ command.values[$0] ?? [] }) else {
                    Issue.record("this needs a shell: \(command.text)")
                    continue
                }
                try File.write("", to: folder + "/log")
                let ended = try bash.run("-euo", "pipefail", "-c", text)
                let told = String(decoding: try File.read(folder + "/log"), as: UTF8.self)
                guard ended.status == 0, told.utf8.elementsEqual(command.expected.utf8),
                    !File.exists(folder + "/broken")
                else {
                    Issue.record(
                        """
                        seed \(seed), command \(number)
                        --- the metro says
                        \(command.text)
                        --- the values
                        \(command.values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.map(\.debugDescription))" }.joined(separator: "\n"))
                        --- bash was given
                        \(text)
                        --- and ended with \(ended.status) \(ended.errors)
                        \(told.debugDescription)
                        --- in the place of
                        \(command.expected.debugDescription)
                        """)
                    return
                }
            }
            #expect(refused < Self.commands / 5, "seed \(seed): las takes most commands that bash does")
        }
    }
}

/// A command with placeholders, what they stand for, and what `show` is to be called with.
struct RandomCommand {
    var text = ""
    var values: [String: [String]] = [:]
    /// For each call of `show` the number of its arguments, and they, each ended by NUL.
    var expected = ""
}

struct RandomCommands {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next(_ below: Int) -> Int {
        // SplitMix64
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(below))
    }

    private mutating func one<Element>(of list: [Element]) -> Element { list[next(list.count)] }

    // MARK: Values

    private static let odd = [
        "-n", "--", "-", "-rf", "if", "done", "in", "time", "esac", "}", "{", "2", "10", "x=1", "a+=b", "~root", "~",
        "~/x",
        "{a,b}", "a,b", "1..3", "$(touch broken)", "`touch broken`", "; touch broken #", "..", "!!", "!", "ends\n",
        " a ",
        "a\\", "\\", "'", "\"", "$'x'", "$", "$$", "${HOME}", "*", "?", "[a-z]*", "(", ")", "<", ">", "&", "|", "#",
        "a#b",
        "#!x", "\t", "\n", "\r\n", "e\u{301}", "\u{A0}", "“x”", "日本語", "\u{1}", "\u{7F}", "%s%n", "\\n", "\\x41",
        "a b  c", "a\u{7F}", "\u{1}'", "\u{7F}\u{1}\u{1}",
        "^x^y", "'; touch broken; '", "\"; touch broken; \"", "@(a|b)", "-f", "==", "=~", "]]", "fi", "then", "EOF",
    ]
    private static let signs = Array("ab1 \t\n'\"`$\\*?[]{}()<>|&;#!~=%^,:@+-_./é\u{301}日🙂\u{A0}“–".unicodeScalars)

    mutating func value() -> String {
        if next(3) == 0 { return one(of: Self.odd) }
        var text = String.UnicodeScalarView()
        for _ in 0..<(1 + next(8)) { text.append(one(of: Self.signs)) }
        return String(text)
    }

    // MARK: Commands

    private var made = RandomCommand()

    mutating func command() -> RandomCommand {
        made = RandomCommand()
        var text = ""
        for _ in 0..<(2 + next(4)) {
            if next(2) == 0 { text += one(of: Self.noise) + separator() }
            text += statement(depth: 0) + separator()
        }
        made.text = text
        return made
    }

    private mutating func separator() -> String { one(of: ["\n", "\n", ";\n", " # it's \"$(\n", "\n\n"]) }

    /// What looks like quotes, comments, brackets or here-documents, and is none, or is one and ends; bash does nothing for it.
    static let noise = [
        "(true) # it's", "(true)# it's", ": \\\n# it's", ": a \\\n  b", ": '\"' \"'\" \\' \\\"", ": \"${u:-'}'}\"",
        ": ${u:-\"'\"}",
        ": ${u:-\\}}}", "case x in (a) ;; b) : ;; esac", "case x in a|b) ;; *) : ;; esac",
        "cat > /dev/null <<'E'\nit's ` $( \nE", "cat > /dev/null <<-E\n\tit's \\`\n\tE",
        "cat > /dev/null <<A <<\"B C\"\n'\nA\n\"\nB C", ": $(( 1 + (2 * 3) ))", ": $((1<<2))", "(( 1 + 1 ))",
        ": $(echo ')' # it's )\n)", ": $(case x in a) ;; esac)", ": `echo \"'\"`", ": $'it\\'s'", ": $\"it's\"",
        ": \"$(echo \"it's\")\"", ": \"${u:-\"its\"}\"", "arr=( 'a b' # it's\n c )", ": $# ${#}", ": a#b c'#'d \"#\"",
        ": {a,b}'{' }", ": \\\\\\\n x", "[[ a == [\\'] ]] || :", "[[ ab =~ ^(a|b)+$ ]]", ": \"\\\"'\\\\\"",
        ": <(echo \"'\")", "x='#'", "! false # it's", "true;# it's", ": ${u:-$(echo '}')}", ": \"${u:-`echo '}'`}\"",
        ": $(echo a)#'b'", ": \"a\"#'b'", ": $[1+1]", ": ${u:-'it'\\''s'}", ": $((16#ff))", "let 'y = 1 + 2'",
        ": \"$((1+1))'\"", "if true; then :; elif false; then :; else :; fi", "for ((i = 0; i < 2; i++)); do :; done",
        "while false; do :; done", "until true; do :; done", "g() { : 'x'; }", ": \"\n'\n\"", ": '\n\"\n'",
        ": $(\n: \"'\"\n)",
        "{ :; }", "case $# in 0) : \"'\" ;; esac", ": \\# 'x'", ": $'\\\\'", "echo case > /dev/null", ": esac",
        ": \"a\\\nb'\"",
        ": \"$(case x in x) echo \"'\" ;; esac)\"", "(case x in x) : ;; esac)", ": ${w:=x'y}'z}", ": \"${u:+\"}\"}\"",
        "coproc { :; } 2> /dev/null", ": >(cat > /dev/null)", ": 'a'\\''b'", ": $$ $! $- $?", ": \"$'it\"",
        ": a=( b )x || :",
    ].filter { $0 != ": a=( b )x || :" && $0 != "coproc { :; } 2> /dev/null" && $0 != ": $$ $! $- $?" }

    private mutating func statement(depth: Int) -> String {
        switch next(depth > 2 ? 4 : 24) {
        case 0, 1, 2, 3: return "show \(arguments(depth: depth))"
        case 4:
            let (word, value) = placeholder()
            expect([value])
            return "x={\(word)}; show \"$x\""
        case 5:
            let ((a, one), (b, two)) = (placeholder(), placeholder())
            expect([one + two])
            return "x=\"{\(a)}\" y='{\(b)}'; show \"$x$y\""
        case 6:
            let (word, value) = placeholder()
            expect([value])
            return "[[ {\(word)} == {\(word)} && {\(word)} = \"{\(word)}\" && x == x ]] && show {\(word)}"
        case 7:
            let ((a, one), (b, two)) = (placeholder(), placeholder())
            expect(["yes", two])
            _ = one
            return "case {\(a)} in {\(a)}) show yes {\(b)} ;; *) show no ;; esac"
        case 8:
            let ((a, one), (b, two)) = (placeholder(), placeholder())
            expect([one])
            expect([two])
            return "for i in {\(a)} '{\(b)}'; do show \"$i\"; done"
        case 9:
            let (word, value) = placeholder()
            expect([value])
            return "f() {\n  show \"$@\"\n}\nf {\(word)}"
        case 10: return "( \(statement(depth: depth + 1)))"
        case 11: return "{ \(statement(depth: depth + 1)); }"
        case 12: return "if \(statement(depth: depth + 1)); then\n  :\nfi"
        case 13:
            let (word, value) = placeholder()
            expect([value + "X"])
            return "printf '%s' {\(word)}>out1; show \"$(cat out1; echo X)\""
        case 14:
            let (word, value) = placeholder()
            expect([value])
            return "printf '%s' {\(word)} | { IFS= read -r -d '' y || :; show \"$y\"; }"
        case 15:
            let (word, value) = placeholder()
            if [":", "."].contains(value) { return ":" }
            expect(["failed", value])
            return "{\(word)} 2> /dev/null || show failed {\(word)}"
        case 16:
            let ((a, one), (b, two)) = (placeholder(), placeholder())
            expect([one, two, "c d"])
            return "arr=({\(a)} # it's\n  \"{\(b)}\" 'c d'); show \"${arr[@]}\""
        case 17:
            let (word, value) = placeholder()
            expect(["~" + value, "x=~" + value])
            return "show ~{\(word)} x=~\"{\(word)}\""
        case 18:
            let (word, value) = placeholder()
            expect(["pxq", "p\(value)q"])
            return "show p{x,{\(word)}}q"
        case 19:
            let (word, value) = placeholder()
            expect([value + "\nX"])
            return "show \"$(cat <<< {\(word)}; echo X)\""
        case 20:
            let (word, value) = placeholder()
            expect(["rest"])
            _ = value
            return "y={\(word)}rest p={\(word)}; show \"${y#\"$p\"}\""
        case 21:
            let (word, value) = placeholder()
            expect(["3"])
            _ = value
            return "show \"$(( $(echo 1) + $(: {\(word)}; echo 2) ))\""
        case 22:
            let ((a, one), (b, two)) = (placeholder(), placeholder())
            expect([one, two])
            return "show {\(a)} \\\n  {\(b)}"
        default:
            let (word, value) = placeholder()
            expect([value])
            return "export z={\(word)}; show \"$z\""
        }
    }

    /// A placeholder of one value.
    private mutating func placeholder() -> (word: String, value: String) {
        let word = "v\(made.values.count)"
        let value = value()
        made.values[word] = [value]
        return (word, value)
    }

    private mutating func expect(_ arguments: [String]) {
        made.expected += ([String(arguments.count)] + arguments).map { $0 + "\0" }.joined()
    }

    private mutating func arguments(depth: Int) -> String {
        var (texts, values): ([String], [String]) = ([], [])
        for _ in 0..<(1 + next(4)) {
            let (text, all) = argument(depth: depth)
            texts.append(text)
            values += all
        }
        expect(values)
        return texts.joined(separator: one(of: [" ", "  ", "\t", " \\\n "]))
    }

    /// One word of the command, or several where a placeholder has several values.
    private mutating func argument(depth: Int) -> (text: String, values: [String]) {
        if next(8) == 0 {
            let word = "m\(made.values.count)"
            let all = [value(), value(), value()]
            made.values[word] = all
            return ("p{\(word)}q", ["p" + all[0], all[1], all[2] + "q"])
        }
        var (text, whole) = ("", "")
        for _ in 0..<(1 + next(3)) {
            let (piece, value) = piece(depth: depth)
            text += piece
            whole += value
        }
        return (text, [whole])
    }

    private mutating func piece(depth: Int) -> (text: String, value: String) {
        switch next(depth > 2 ? 6 : 13) {
        case 0, 1:
            let (word, value) = placeholder()
            return ("{\(word)}", value)
        case 2:
            let (word, value) = placeholder()
            return ("\"a {\(word)} it's \\\" \"", "a \(value) it's \" ")
        case 3:
            let (word, value) = placeholder()
            return ("'\" {\(word)} \\'", "\" \(value) \\")
        case 4:
            let (word, value) = placeholder()
            let (escape, meaning) = one(
                of: [
                    ("\\t", "\t"), ("\\'", "'"), ("\\\\", "\\"), ("\\x4", "\u{4}"), ("\\3", "\u{3}"), ("x", "x"),
                    ("\"", "\""),
                ])
            return ("$'\(escape){\(word)}b'", "\(meaning)\(value)b")
        case 5: return one(of: [("plain", "plain"), ("\\*", "*"), ("\"'\"", "'"), ("'\"'", "\""), ("\\\\", "\\")])
        case 6:
            let (word, value) = placeholder()
            return ("\"$(printf %sX {\(word)})\"", value + "X")
        case 7:
            let (word, value) = placeholder()
            return ("\"$(printf %sX \"{\(word)}\" # it's )\n)\"", value + "X")
        case 8:
            let (word, value) = placeholder()
            return ("\"${u:-$(printf %sX '{\(word)}')}\"", value + "X")
        case 9:
            let (word, value) = placeholder()
            return ("${u:-\"{\(word)}\"}", value)
        case 10:
            let (word, value) = placeholder()
            return ("\"$(cat <(printf %sX {\(word)}))\"", value + "X")
        case 11:
            let (word, value) = placeholder()
            return ("$\"{\(word)}\"", value)
        default:
            let inner = statement(depth: depth + 1)
            return ("\"$(\(inner)\necho out)\"", "out")
        }
    }
}
