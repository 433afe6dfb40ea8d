import Metro
import Testing

@testable import Plan

/// What a person is told of a metro that has no mistakes.
@Suite struct NotesTests {
    private func notes(_ command: String) throws -> [String] {
        try TurnsTests.plan(
            "    - station: one\n      in: x\n      command: \(command)\n      out: counts\n", inputs: ["x": ["a.txt"]]
        )
        .notes
    }

    @Test func aCommandThatASignOfACommentEndsIsTold() throws {
        #expect(
            try notes("sed s/ #// {in}") == [
                "the command of “one” ends before “#// {in}”: what follows “ #” is a comment; if it belongs to the command, put it into quotes of the shell, and the command below “command: |”"
            ])
        #expect(try notes("wc {in}   #of words\r").count == 1)
    }

    @Test(arguments: [
        "wc {in} # counts", "wc {in} #", "wc {in} ## counts", "wc {in}#x", "\"sed 's/ #//' {in}\"",
        "|\n        sed 's/ #//' {in}", "\"wc {in}\" #counts",
    ]) func aCommentIsNone(_ command: String) throws { #expect(try notes(command) == []) }
}
