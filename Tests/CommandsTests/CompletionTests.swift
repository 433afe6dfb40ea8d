import Files
import TestSupport
import Testing

@testable import Commands

@Suite struct CompletionTests {
    /// What may stand at the end of a line: its words, or `files`.
    private func offered(_ words: String..., in folder: String = "/", table: [CommandSpec] = CommandTable.all)
        -> [String]
    {
        let context = Context(
            environment: ["HOME": folder, "LAS_TEMPLATES": "\(folder)/templates"], lash: .init(root: "\(folder)/lash"),
            terminal: .init(environment: [:]), program: "/usr/bin/las")
        let completion = Completion(table: table, context: context)
        return switch completion.answer(before: words.dropLast(), current: words.last ?? "") {
        case .words(let list), .beginnings(let list): list.map(\.word)
        case .files(let signs): ["files after \(signs)"]
        }
    }

    @Test func namesOfCommandsAndFamilies() {
        #expect(offered("").contains("host") && offered("").contains("pack"))
        #expect(!offered("").contains("complete") && !offered("").contains("host add"))
        #expect(offered("host", "") == ["add", "list", "check", "label", "drain", "gc", "import", "remove"])
        #expect(offered("help", "host", "") == ["add", "list", "check", "label", "drain", "gc", "import", "remove"])
        #expect(offered("-") == ["--help", "--version"])
        #expect(offered("nonsense", "") == [])
    }

    @Test func optionsThatMayStillBeGiven() {
        #expect(offered("pack", "-").contains("--output"))
        #expect(!offered("pack", "--output", "x", "--").contains("--output"))
        #expect(offered("deploy", "--host", "x", "--").contains("--host"), "it may be given again")
        #expect(offered("pack", "--", "--") == ["files after 0"], "after “--” everything is an argument")
    }

    @Test func valuesOfOptions() {
        #expect(offered("run", "--engine", "") == ["kernel", "fuse", "extraction", "proot"])
        #expect(
            offered("run", "--engine=") == [
                "--engine=kernel", "--engine=fuse", "--engine=extraction", "--engine=proot",
            ])
        #expect(offered("run", "--results=") == ["files after 1"])
        #expect(offered("run", "--cpus", "") == [])
        #expect(offered("run", "--json=") == [], "it takes no value")
        #expect(offered("run", "--input", "reads=") == ["files after 1"])
        #expect(offered("run", "--input=reads=") == ["files after 2"])
        #expect(offered("check", "m", "") == [], "one argument is enough")
    }

    @Test func whatLASHAndTheTemplatesHold() throws {
        try withScratch { folder in
            try Folder.make("\(folder)/lash")
            try Folder.make("\(folder)/other/runs/20261125-101530-m-7f3a")
            try File.write("hosts:\n  lab:\n    address: me@lab\n", to: "\(folder)/lash/hosts.yml")
            for name in ["b c", "a:b", "e\nf"] {
                try Folder.make("\(folder)/templates/\(name)")
                try File.write("metro: m\n", to: "\(folder)/templates/\(name)/metro.yml")
            }
            #expect(offered("deploy", "--host", "", in: folder) == ["local", "lab"])
            #expect(offered("deploy", "--lash", "~/other", "--host=", in: folder) == ["--host=local"])
            #expect(offered("host", "remove", "", in: folder) == ["local", "lab"])
            #expect(offered("new", "", in: folder) == ["a:b", "b c", "e\nf"])
            let resume = CommandSpec(
                name: "resume", about: "go on with a run",
                arguments: [.init(name: "RUN", about: "its name", completes: .runs)], examples: []
            ) { _, _ in .done }
            #expect(
                offered("resume", "--lash=\(folder)/other", "", in: folder, table: [resume])
                    == ["20261125-101530-m-7f3a"])
        }
    }

    @Test func whatTheMetroOnTheLineNames() throws {
        try withScratch { folder in
            let inner = """
                metro: inner
                inputs: { texts: { text: a } }
                lines: { main: [{ station: first, in: texts, command: "cat {in}", out: a.txt }] }
                """
            let outer = """
                metro: outer
                inputs: { notes: { text: a } }
                lines: { main: [{ metro: ../the inner, as: qc, in: { texts: notes } }] }
                """
            for (name, text) in [("the inner", inner), ("the outer", outer)] {
                try Folder.make("\(folder)/\(name)")
                try File.write(text, to: "\(folder)/\(name)/metro.yml")
            }
            #expect(offered("map", "\(folder)/the outer", "--open", "", in: folder) == ["qc"])
            #expect(offered("map", "~/the outer/metro.yml", "--open=", in: folder) == ["--open=qc"])
            #expect(offered("run", "~/the outer", "--input", "", in: folder) == ["notes=", "qc/texts="])
            #expect(offered("explain", "\(folder)/the outer", "", in: folder) == ["qc/first"])
            #expect(offered("explain", "~/the inner/metro.yml", "f", in: folder) == ["first"])
            #expect(offered("explain", "first", "", in: folder) == ["files after 0"])
            try File.write("metro: [", to: "\(folder)/the inner/metro.yml")
            #expect(offered("map", "\(folder)/the outer", "--open", "", in: folder) == [], "no mistake is told here")
        }
    }
}

@Suite struct TypedLineTests {
    @Test(arguments: [
        ("las pa", ["las", "pa"], 0), ("las  pack ", ["las", "pack", ""], 0),
        ("las --host=l", ["las", "--host=l"], 7), ("las --input reads=a=b", ["las", "--input", "reads=a=b"], 8),
        (#"las my\ metro"#, ["las", "my metro"], 0),
        (#"las 'my metro' "a \"b\" \c"#, ["las", "my metro", #"a "b" \c"#], 0),
        ("las --results='my ", ["las", "--results=my "], 10), ("las ''", ["las", ""], 0),
        ("las a$(rm", ["las", "a$(rm"], 3),
    ]) func aLineIsReadAsBashReadsIt(_ line: String, _ words: [String], _ kept: Int) {
        let typed = TypedLine(line, breaks: " \t\n\"'@><=;|&(:")
        #expect(typed.words == words)
        #expect(typed.kept == kept)
    }

    @Test func aNameIsTypedSoThatBashReadsItAgain() throws {
        for name in ["plain.txt", "two words", "it's", "a:b$c", "ü\nx", "a\\b\"c`d*", "#x~"] {
            for start in ["las x ", "las x '", "las x \""] {
                let line = TypedLine(start, breaks: "")
                let quote = line.quote.map { String(UnicodeScalar($0)) } ?? ""
                let told = try Program("bash").run(
                    "-c", "x() { printf %s \"$1\"; }; x \(quote)\(line.typed(name))\(quote)")
                #expect(told.output == name, "\(start)")
            }
        }
    }
}
