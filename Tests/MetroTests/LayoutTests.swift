import Files
import JSON
import TestSupport
import Testing

@testable import Metro

/// `las fmt`: one layout, the same metro, all comments.
@Suite struct LayoutTests {
    private func laidOut(_ text: String) throws -> String {
        String(decoding: try MetroLayout.canonical(Array(text.utf8), file: "metro.yml"), as: UTF8.self)
    }

    @Test func keysCommentsAndBlankLinesAreInTheirPlaces() throws {
        let text = """
            %YAML 1.1
            # head of the file

            # still head

            --- # start
            lines:    # the lines


               # of main
               main:

               - command: |   # header
                    cat {in} \\
                      | sort

                    # not a comment
                    true

                 # of station, above
                 station:   a   # its name
                 out: [ "x.txt",'y.txt' ]
                 in:
                   # why b
                   b   # taken
                 # at the end of a
                # half way
               # end of list
               # before dash
               -   # behind dash
                   # in dash
                   station: c
                   command: >+
                     folded text
                     and more {in}

                       indented


                   in: a
                   out: "c
                      d.txt"
                   uses: {
                       memory: 2 GB,  # much
                     cpus: 2, time: "2
                        hours",
                        }
                   env: { B: "x # y", A: 'it''s' }
                   comments: a plain text
                     over lines
                      # ends here


                   enabled:   no
            # of the inputs
            inputs:
                b: {text: x}
                ? d
                : valid: {larger_than: 0,extension: [fq , fa]}
                  files: b.txt

            metro: m
            #    at the end

            """
        let expected = """
            # head of the file

            # still head

            metro: m
            # of the inputs
            inputs:
              b: { text: x }
              d:
                files: b.txt
                valid: { extension: [fq, fa], larger_than: 0 }
            # start
            lines:    # the lines
              # of main
              main:
                # of station, above
                - station: a    # its name
                  # why b
                  in: b # taken
                  command: |  # header
                    cat {in} \\
                      | sort

                    # not a comment
                    true
                  out: ["x.txt", 'y.txt']
                  # at the end of a
                # half way
                # end of list
                # before dash
                # behind dash
                # in dash
                - station: c
                  in: a
                  command: >+
                    folded text
                    and more {in}

                      indented


                  out: "c
                    d.txt"
                  uses: {
                    memory: 2 GB,  # much
                    cpus: 2, time: "2
                    hours",
                  }
                  env: { B: "x # y", A: 'it''s' }
                  # ends here

                  enabled: no
                  comments: a plain text
                    over lines
            #    at the end

            """
        #expect(try laidOut(text) == expected)
        #expect(try laidOut(expected) == expected)
    }

    @Test(arguments: [
        // Ends of lines, a mark at the beginning, no end at the end.
        ("metro: m\r\nlines:\r\n- a", "metro: m\nlines:\n  - a\n"), ("\u{FEFF}metro: m", "metro: m\n"),
        ("metro: m\rabout: x", "metro: m\nabout: x\n"),
        // What is cut off by the file's end has no line's end.
        ("about: |\n  a", "about: |-\n  a\n"), ("about: |+\n  a", "about: |-\n  a\n"),
        ("about: |+\n  a\n\n\n", "about: |+\n  a\n\n\n"), ("about: |\n  a\n\n\n", "about: |\n  a\n"),
        // Blank lines that are text's own.
        (
            "lines: {}\ncomments: |+\n  a\n\n\nabout: b\n\nmetro: m\n",
            "metro: m\nabout: b\ncomments: |+\n  a\n\n\nlines: {}\n"
        ), ("about: |+\n  a\n\nmetro: m\n\n# b\ncomments: c\n", "metro: m\nabout: |+\n  a\n\n# b\ncomments: c\n"),
        ("about: |+\n  a\nmetro: m\n\n# b\nlines: {}\n", "metro: m\nabout: |+\n  a\n# b\nlines: {}\n"),
        // An indentation that is said.
        ("about: |4\n      a\n     b\n", "about: |2\n    a\n   b\n"), ("about: |-1\n   a\n", "about: |2-\n    a\n"),
        ("comments:   \n\n    a\n    b\n\n    c\nabout: d", "about: d\ncomments: a\n  b\n\n  c\n"),
        // All in braces.
        (
            "{lines: {l: [{command: a,station: s}]},metro: m}",
            "{ metro: m, lines: { l: [{ station: s, command: a }] } }\n"
        ),
        ("# a\n{metro: m} # b\n# c\n", "# a\n{ metro: m } # b\n# c\n"),
        (
            "{\n metro: m,\n      # c\n  lines: {\nl: [ a,\n b ] } }",
            "{\n  metro: m,\n  # c\n  lines: {\n    l: [ a,\n      b ] } }\n"
        ),
        ("lines: {}\nmetro: m", "metro: m\nlines: {}\n"),
        ("\n\n\nmetro: m\n\n\n\nabout: x\n\n", "metro: m\n\nabout: x\n"),
        ("\"metro\": m\n'about' : x\n", "\"metro\": m\n'about': x\n"),
        (
            "lines:\n  l:\n  - station: s\n    until:\n      - {below: 1, value_in: x}\n      - unchanged\n",
            "lines:\n  l:\n    - station: s\n      until:\n        - { value_in: x, below: 1 }\n        - unchanged\n"
        ),
        ("about: ü # a\nmetro: m     # b\n", "metro: m     # b\nabout: ü # a\n"),
    ]) func ofEachKind(_ text: String, _ expected: String) throws {
        #expect(try laidOut(text) == expected)
        #expect(try laidOut(expected) == expected)
    }

    // MARK: Every good metro

    private static let metros: [String] = {
        let all = ((try? GoodMetros.all()) ?? []) + ((try? GoodMetros.inTests()) ?? [])
        return Set(all.map(\.text)).sorted().filter(isRead)
    }()

    /// Whether it has the form of a metro; names and files are of no interest here.
    private static func isRead(_ text: String) -> Bool {
        var diagnostics = Diagnostics(file: "metro.yml")
        guard let node = YAMLReader.read(Array(text.utf8), diagnostics: &diagnostics) else { return false }
        var reading = MetroReading(diagnostics: diagnostics, folder: "/nowhere")
        _ = reading.metro(node)
        return reading.diagnostics.isEmpty
    }

    @Test func everyGoodMetroKeepsWhatItSays() throws {
        #expect(Self.metros.count > 60)
        try judged(Self.metros.map { (before: $0, after: try laidOut($0)) })
    }

    @Test func theProjectsOwnMetrosAreLaidOut() throws {
        for metro in try GoodMetros.all() { #expect(try laidOut(metro.text) == metro.text, "\(metro.name): las fmt") }
    }

    @Test func commentsAtEveryPlaceAreKept() throws {
        var pairs: [(before: String, after: String)] = []
        for metro in Self.metros {
            for how in Comments.How.allCases {
                let commented = Comments.added(to: metro, how)
                let text = try laidOut(commented.text)
                let lines = text.split(separator: "\n")
                let found = Set(
                    lines.compactMap { line in line.range(of: "#c").map { String(line[$0.lowerBound...]) } })
                #expect(found == Set((0..<commented.count).map { "#c\($0)." }), "\(commented.text)")
                pairs.append((commented.text, text))
            }
        }
        try judged(pairs)
    }

    @Test func twiceTheIndentationIsTheSameMetro() throws {
        var count = 0
        for metro in Self.metros where !metro.contains("#") {
            let wide = metro.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                String(repeating: " ", count: line.prefix { $0 == " " }.count) + line
            }.joined(separator: "\n")
            guard YAMLText.words(wide) == YAMLText.words(metro) else { continue }
            count += 1
            #expect(try laidOut(wide) == laidOut(metro))
        }
        #expect(count > 15)
    }

    /// That all read the same before and after, by Python's YAML, and that the layout of what is laid out is itself.
    private func judged(_ pairs: [(before: String, after: String)]) throws {
        let script = """
            import json, sys, yaml
            def plain(node):
                if isinstance(node, yaml.ScalarNode): return node.value
                if isinstance(node, yaml.SequenceNode): return [plain(child) for child in node.value]
                return {key.value: plain(value) for key, value in node.value}
            def named(node, at):
                for key, value in node.value:
                    if key.value == at and isinstance(value, yaml.MappingNode): return [name.value for name, _ in value.value]
            def says(text):
                node = yaml.compose(text, yaml.BaseLoader)
                return [plain(node)] + [named(node, at) for at in ("inputs", "lines", "env")]
            print(json.dumps([says(before) == says(after) for before, after in json.load(sys.stdin)]))
            """
        let input = JSONValue.array(pairs.map { .array([.string($0.before), .string($0.after)]) })
        let ended = try Program("/usr/bin/python3").run("-c", script, input: JSONText.string(of: input))
        #expect(ended.status == 0, "\(ended.errors)")
        let same = try JSONText.parse(ended.output).array ?? []
        #expect(same.count == pairs.count)
        for (pair, isSame) in zip(pairs, same) {
            #expect(isSame == true, "\(pair.before)\n→\n\(pair.after)")
            #expect(try laidOut(pair.after) == pair.after, "it is laid out already")
        }
    }
}

/// What YAML says, as our own reader has it.
private enum YAMLText {
    /// nil for what is no YAML.
    static func words(_ text: String) -> [String]? {
        var told = Diagnostics(file: "")
        guard let node = YAMLReader.read(Array(text.utf8), diagnostics: &told), told.isEmpty else { return nil }
        return words(node)
    }

    private static func words(_ node: YAMLNode) -> [String] {
        switch node.content {
        case .text(let text, _): ["=" + text.value]
        case .list(let items): ["["] + items.flatMap(words) + ["]"]
        case .map(let members): ["{"] + members.flatMap { words($0.key) + words($0.value) } + ["}"]
        case .refused: ["?"]
        }
    }
}

/// Comments `#c0.`, `#c1.` … put into a metro wherever that does not change what it says.
private enum Comments {
    enum How: CaseIterable { case behind, above, atTheMargin, indented }

    static func added(to metro: String, _ how: How) -> (text: String, count: Int) {
        var lines = metro.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var count = 0
        let words = YAMLText.words(metro)
        for number in lines.indices.reversed() {
            var changed = lines
            let comment = "#c\(count)."
            let indent = String(lines[number].prefix { $0 == " " })
            switch how {
            case .behind: changed[number] += (changed[number].isEmpty ? "" : " ") + comment
            case .above: changed.insert(indent + comment, at: number)
            case .atTheMargin: changed.insert(comment, at: number)
            case .indented: changed.insert(indent + "   " + comment, at: number)
            }
            // A comment behind a comment is none of its own.
            if how == .behind, lines[number].contains("#") { continue }
            guard YAMLText.words(changed.joined(separator: "\n")) == words else { continue }
            lines = changed
            count += 1
        }
        return (lines.joined(separator: "\n"), count)
    }
}
