import Failures
import Files
import Metro
import Terminal
import TestSupport
import Testing

/// Mistakes as a person sees them. Marks stand below what they mark in every terminal, whatever the line holds.
@Suite struct DiagnosticTextTests {
    private let plain = Style(isTerminal: false, hasColour: false)

    /// What is shown for `source` as metro.yml.
    private func shown(
        _ source: String, _ mistakes: (String) -> [Diagnostic], style: Style? = nil, columns: Int = 100
    ) throws -> String {
        try withScratch { folder in
            let file = folder + "/metro.yml"
            try File.write(source, to: file)
            let lines = DiagnosticText.lines(of: MetroFailure(mistakes(file)), style: style ?? plain, columns: columns)
            return lines.joined(separator: "\n").split(separator: folder + "/").joined()
        }
    }

    private func one(
        _ source: String, line: Int, column: Int, to end: Int? = nil, message: String = "this is wrong",
        fix: String? = nil, beside: Diagnostic.Label? = nil, style: Style? = nil, columns: Int = 100
    ) throws -> String {
        try shown(
            source,
            { file in
                [
                    Diagnostic(
                        file: file, at: Position(line: line, column: column, endColumn: end), message, fix: fix,
                        beside: beside)
                ]
            }, style: style, columns: columns)
    }

    @Test func theWholeWordIsUnderlined() throws {
        #expect(
            try one(
                "metro: x\ninputz:\n  a: b\n", line: 2, column: 1, to: 7, message: "“inputz” is no key of a metro",
                fix: "did you mean “inputs”?") == """
                    metro.yml:2:1: error: “inputz” is no key of a metro
                       2 | inputz:
                         | ^^^^^^
                        fix: did you mean “inputs”?
                    """)
    }

    @Test func withoutAnEndTheWordThatStandsThereIs() throws {
        #expect(
            try one("metro: x\n  in: raeds-2, b\n", line: 2, column: 7) == """
                metro.yml:2:7: error: this is wrong
                   2 |   in: raeds-2, b
                     |       ^^^^^^^
                """)
        #expect(
            try one("a: {b}\n", line: 1, column: 4) == """
                metro.yml:1:4: error: this is wrong
                   1 | a: {b}
                     |    ^
                """)
    }

    @Test func wideCombiningAndHiddenCharactersAndTabs() throws {
        // Two cells for each sign of 日本, one for é of two characters, four for a tab, one for what can't be shown.
        #expect(
            try one("日本: e\u{301}\u{301}x\tfalsch y\u{200B}z\n", line: 1, column: 10, to: 16) == """
                metro.yml:1:10: error: this is wrong
                   1 | 日本: e\u{301}\u{301}x    falsch y\u{FFFD}z
                     |             ^^^^^^
                """)
        #expect(
            try one("日本: e\u{301}\n", line: 1, column: 1, to: 3) == """
                metro.yml:1:1: error: this is wrong
                   1 | 日本: e\u{301}
                     | ^^^^
                """)
        #expect(
            try one("- ✅🚀 e\u{301}a\n", line: 1, column: 6) == """
                metro.yml:1:6: error: this is wrong
                   1 | - ✅🚀 e\u{301}a
                     |        ^^
                """)
        #expect(
            try one("\tmain:\n", line: 1, column: 1, to: 2) == """
                metro.yml:1:1: error: this is wrong
                   1 |     main:
                     | ^^^^
                """)
    }

    @Test func aSecondPlaceIsShownToo() throws {
        let source = "metro: m\nlines:\n  a: []\n  b: []\n  c: []\n  a: []\n"
        #expect(
            try one(
                source, line: 6, column: 3, to: 4, message: "“a” stands here a second time",
                fix: "give it another name",
                beside: .init("first given here", at: Position(line: 3, column: 3, endColumn: 4))) == """
                    metro.yml:6:3: error: “a” stands here a second time
                       3 |   a: []
                         |   - first given here
                         …
                       6 |   a: []
                         |   ^
                        fix: give it another name
                    """)
        #expect(
            try one(
                "out: [a.txt, b.txt, a.txt]\n", line: 1, column: 21, to: 26,
                beside: .init("first given here", at: Position(line: 1, column: 7, endColumn: 12))) == """
                    metro.yml:1:21: error: this is wrong
                       1 | out: [a.txt, b.txt, a.txt]
                         |                     ^^^^^
                         |       ----- first given here
                    """)
    }

    @Test func theEndOfALineAndAPlaceThatIsNotThere() throws {
        #expect(
            try one("command:\n", line: 1, column: 9) == """
                metro.yml:1:9: error: this is wrong
                   1 | command:
                     |         ^
                """)
        #expect(try one("a: b\n", line: 7, column: 3) == "metro.yml:7:3: error: this is wrong")
        #expect(try one("a\u{0}b\n", line: 1, column: 2) == "metro.yml:1:2: error: this is wrong")
    }

    @Test func linesEndAsWindowsAndOldMacsEndThem() throws {
        #expect(
            try one("\u{FEFF}metro: m\r\ninputz:\rlines:\n", line: 2, column: 1, to: 7) == """
                metro.yml:2:1: error: this is wrong
                   2 | inputz:
                     | ^^^^^^
                """)
        #expect(try one("\u{FEFF}metro: m\r\ninputz:\rlines:\n", line: 3, column: 1).contains("3 | lines:\n"))
    }

    @Test func aLongLineIsCutAroundWhatIsWrong() throws {
        let long = "in: [" + (0..<40).map { "name\($0), " }.joined() + "wrong, " + "more, more, more, more]"
        let column = long.utf8.count - "wrong, more, more, more, more]".utf8.count + 1
        let text = try one(long + "\n", line: 1, column: column, to: column + 5, columns: 60)
        #expect(
            text == """
                metro.yml:1:\(column): error: this is wrong
                   1 | …37, name38, name39, wrong, more, more, more, more]
                     |                      ^^^^^
                """)
        #expect(
            try one(String(repeating: "日", count: 50) + "\n", line: 1, column: 2, to: 4, columns: 30) == """
                metro.yml:1:2: error: this is wrong
                   1 | 日日日日日日日日日日日…
                     |   ^^^^
                """)
    }

    @Test func severalStandApartAndNumbersInOneColumn() throws {
        let text = try shown(
            "a: 1\nb: 2\n",
            { file in
                [
                    Diagnostic(file: file, at: Position(line: 1, column: 1), "one", fix: "mend\nit"),
                    Diagnostic(file: file, at: Position(line: 2, column: 4), "two"),
                ]
            })
        #expect(
            text == """
                metro.yml:1:1: error: one
                   1 | a: 1
                     | ^
                    fix: mend
                         it

                metro.yml:2:4: error: two
                   2 | b: 2
                     |    ^
                """)
    }

    @Test func coloursAreForTerminalsOnly() throws {
        let bright = Style(isTerminal: true, hasColour: true)
        let text = try one(
            "a: 1\n", line: 1, column: 1, to: 2, fix: "mend it",
            beside: .init("here", at: Position(line: 1, column: 4)), style: bright)
        for part in ["\u{1B}[1;31m^\u{1B}[0m", "\u{1B}[1;34m- here\u{1B}[0m", "\u{1B}[1;32mfix:\u{1B}[0m mend it"] {
            #expect(text.contains(part))
        }
        #expect(try !one("a: 1\n", line: 1, column: 1, style: plain).contains("\u{1B}"))
        #expect(Style.of(descriptor: 1, environment: ["NO_COLOR": "1"]).hasColour == false)
    }

    @Test func nothingInTheMetroSteersTheTerminal() throws {
        let text = try one(
            "a: \u{1B}[2J\u{202E}b\n", line: 1, column: 1, message: "a \u{1B}[31m b", fix: "c \u{7}",
            beside: .init("\u{1B}c", at: Position(line: 1, column: 2)))
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0 == "\u{202E}" })
    }
}
