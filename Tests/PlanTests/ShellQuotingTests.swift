import Files
import Metro
import TestSupport
import Testing

@testable import Plan

#if canImport(Glibc)
    import Glibc
#endif

/// bash itself is the judge: whatever a value holds, the program gets exactly that, wherever the placeholder stands.
@Suite struct ShellQuotingTests {
    static let nasty = [
        "plain", "two words", "it's", "\"quoted\"", "$HOME", "$(touch broken)", "`touch broken`", "a;touch broken",
        "a\\b", "\\", "'",
        "\"", "''", "\\'", "*", "~", "-rf", "#x", "a\nb", "!x", "{a,b}", "a=b", "é ü", "a&b|c>d<e", "(x)", "[a]", "%s",
        "\t", "a'\"\\$`",
    ]

    /// Each prints its arguments, one after the other, each ended by a NUL.
    static let places = [
        "printf '%s\\0' {in}", "printf '%s\\0' '{in}'", "printf '%s\\0' \"{in}\"", "printf '%s\\0' $'{in}'",
        "printf '%s\\0' \"$(printf %sX {in})\"", "printf '%s\\0' \"$(printf %sX \"{in}\")\"",
        "printf '%s\\0' \"$(printf %sX '{in}')\"",
        "x={in}; printf '%s\\0' \"$x\"", "x=\"{in}\"; printf '%s\\0' \"$x\"",
        "cat <<< x > /dev/null; printf '%s\\0' {in}",
        "printf '%s\\0' \"$(case a in a) printf %sX {in} ;; esac)\"", "# it's {in}\nprintf '%s\\0' {in}",
        "cat > /dev/null <<'E'\nit's \"\nE\nprintf '%s\\0' {in}", "f() { printf '%s\\0' \"$@\"; }; f {in}",
        "(printf '%s\\0' {in})", "[[ {in} == {in} ]] && printf '%s\\0' {in}",
        "x=1; echo $((1 << 2)) ${x:-'}'} \"${x%'\"'}\" >&2; printf '%s\\0' {in}",
        "for x in {in}; do printf '%s\\0' \"$x\"; done", "printf '%s\\0' a{in}b",
        "awk 'BEGIN {{ if (1) {{ printf \"\" }} }}'; printf '%s\\0' {in}",
    ]

    @Test(arguments: places) func bashSeesExactlyTheValue(_ place: String) throws {
        let template = CommandTemplate(place)
        #expect(template.mistakes.isEmpty, "\(template.mistakes)")
        try withScratch { folder in
            for value in Self.nasty {
                guard case .shell(let command) = template.command({ _ in [value] }) else {
                    Issue.record("“\(place)” needs a shell")
                    return
                }
                try File.write("cd '\(folder)'\n(\(command)\n) > printed", to: folder + "/script")
                #expect(run(["/bin/bash", "-euo", "pipefail", folder + "/script"]) == 0, "\(command)")
                let printed = String(decoding: try File.read(folder + "/printed"), as: UTF8.self)
                // `$(…)` drops newlines at the end, so those places add an X.
                let expected = place.contains("%sX") ? value + "X" : place.contains("a{in}b") ? "a\(value)b" : value
                #expect(printed == expected + "\0", "\(command)")
                #expect(!File.exists(folder + "/broken"), "\(command)")
            }
        }
    }

    @Test(arguments: ["$(( {turn} * 2 ))", "\"$(({turn} + {seed}))\"", "$(( ({turn} > 0) + {seed}<<1 ))"])
    func turnsAndSeedsStandInArithmetic(_ place: String) throws {
        let template = CommandTemplate("echo " + place)
        #expect(template.mistakes.isEmpty, "\(template.mistakes)")
        guard case .shell(let text) = template.command({ [$0 == "turn" ? "3" : "4"] }) else {
            Issue.record("this needs a shell")
            return
        }
        let told = try Program("/bin/bash").run("-euo", "pipefail", "-c", text)
        #expect(told.status == 0, "\(told.errors)")
        let plain = place.split(separator: "{turn}", omittingEmptySubsequences: false).joined(separator: "3")
            .split(separator: "{seed}", omittingEmptySubsequences: false).joined(separator: "4")
        let expected = try Program("/bin/bash").run("-c", "echo " + plain)
        #expect(told.output == expected.output)
        #expect(!CommandTemplate("echo $(( {in} + 1 ))").mistakes.isEmpty)
    }

    @Test func severalValuesAreSeveralWordsOutsideQuotesAndOneInside() {
        let two = { (_: String) in ["a b", "c"] }
        #expect(CommandTemplate("x {in} \"{in}\"").command(two) == .shell("x 'a b' c \"a b c\""))
        #expect(CommandTemplate("x --f={in} y").command(two) == .direct(["x", "--f=a b", "c", "y"]))
    }

    @Test(arguments: [
        ("wc -l {in}", true), ("wc -l {in}\n", true), ("wc {in} > x", false), ("cd x", false), ("A=1 wc", false),
        ("ls *", false),
        ("{in} x", false), ("sort --key=2 {in}", true), ("echo 'a'", false), ("echo {{}}", false), ("", false),
    ]) func aCommandWithoutShellCharactersNeedsNoShell(_ command: String, _ isDirect: Bool) {
        #expect((CommandTemplate(command).words != nil) == isDirect)
    }

    @Test(arguments: [
        ("a {{x}} {x} ${x} {x-y} {1} {a,b} {print $1}", "a {x} V ${x} V {1} {a,b} {print $1}"), ("{{{x}}}", "{V}"),
        ("${{x}}", "${x}"),
        ("{ x; }", "{ x; }"),
    ]) func bracesAreReadFromLeftToRight(_ text: String, _ expected: String) {
        var command = ""
        for piece in CommandTemplate(text).pieces {
            if case .literal(let literal) = piece { command += literal } else { command += "V" }
        }
        #expect(command == expected)
    }

    private func run(_ arguments: [String]) -> Int32 {
        var pid = pid_t()
        var words = arguments.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        guard posix_spawn(&pid, arguments[0], nil, nil, &words, environ) == 0 else { return -1 }
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return status
    }
}
