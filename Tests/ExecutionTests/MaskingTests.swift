import Testing

@testable import Execution

@Suite struct MaskingTests {
    private func masked(_ text: String, _ secrets: [String], every size: Int) -> String {
        var masking = Masking(secrets.map { Array($0.utf8) }.sorted { $0.count > $1.count })
        var shown: [UInt8] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            shown += masking.take(bytes[start..<min(start + size, bytes.count)])
        }
        return String(decoding: shown + masking.finish(), as: UTF8.self)
    }

    @Test(arguments: 1...12) func whereverThePiecesAreCut(_ size: Int) {
        let text = "the token is tomato-4711, and tomato is none; tomato-47tomato-4711\ntomato-471"
        #expect(
            masked(text, ["tomato-4711"], every: size)
                == "the token is ***, and tomato is none; tomato-47***\ntomato-471")
        // One of them may be the beginning of another one.
        #expect(masked("ab abc abcd abd", ["abc", "ab"], every: size) == "*** *** ***d ***d")
        #expect(masked("aaab aab ab", ["aab"], every: size) == "a*** *** ab")
        #expect(masked("two\nlines, two lines", ["two\nlines"], every: size) == "***, two lines")
        #expect(masked("nothing to hide", [], every: size) == "nothing to hide")
    }
}
