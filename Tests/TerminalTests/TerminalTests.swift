import Failures
import Files
import Metro
import Terminal
import TestSupport
import Testing

@Suite struct TerminalTests {
    private let plain = Style(isTerminal: false, hasColour: false)

    @Test func amountsAreWhatPeopleRead() {
        #expect(
            [0, 999, 1000, 1_234_567, 999_600_000, 12_000_000_000].map { Amounts.bytes($0) } == [
                "0 B", "999 B", "1.0 KB", "1.2 MB", "1.0 GB", "12 GB",
            ])
        #expect(
            [0.04, 3.21, 9.96, 59.4, 65, 7300].map { Amounts.seconds($0) } == [
                "0.0 s", "3.2 s", "10 s", "59 s", "1 min 05 s", "2 h 01 min",
            ])
        #expect(Amounts.count(1, "task") == "1 task" && Amounts.count(0, "task") == "0 tasks")
    }

    @Test func whatHostsSendCanNotSteerTheTerminal() {
        #expect(Shown.whole("a\u{1B}[2Jb\nc\u{202E}d") == "a\u{FFFD}[2Jb\u{FFFD}c\u{FFFD}d")
        #expect(Shown.whole("a\nb\u{7}", keepingLines: true) == "a\nb\u{FFFD}")
    }

    @Test func colourOnlyWhereItIsWanted() {
        #expect(plain.paint("x", .red) == "x")
        #expect(Style(isTerminal: true, hasColour: true).paint("x", .red) == "\u{1B}[31mx\u{1B}[0m")
        #expect(!Style.of(descriptor: 1, environment: ["NO_COLOR": "1"]).hasColour)
    }

    @Test func columnsAreAsWideAsTheirWidestText() {
        #expect(Table.lines([["a", "b"], ["long", "c"]]) == ["a     b", "long  c"])
    }
}
