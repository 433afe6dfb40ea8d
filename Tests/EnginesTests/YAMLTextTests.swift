import Files
import JSON
import TestSupport
import Testing

@testable import Engines

/// What is written is what readers of YAML read: judged by PyYAML, whose rules are those of YAML 1.1, as kubectl's are.
@Suite struct YAMLTextTests {
    private static let judge = """
        import json, sys, yaml
        documents = list(yaml.safe_load_all(open(sys.argv[1], encoding="utf-8")))
        print(json.dumps(documents, ensure_ascii=True, sort_keys=True))
        """

    private func read(_ text: String) throws -> JSONValue {
        try withScratch { folder in
            try File.write(text, to: folder + "/x.yaml")
            let ended = try Program("python3").run("-c", Self.judge, folder + "/x.yaml")
            #expect(ended.status == 0, "\(ended.errors)\n\(text)")
            return try JSONText.parse(Array(ended.output.utf8))
        }
    }

    private func json(_ value: YAML) -> JSONValue {
        switch value {
        case .text(let text): .string(text)
        case .number(let number): .integer(number)
        case .flag(let flag): .bool(flag)
        case .nothing: .null
        case .list(let items): .array(items.map(json))
        case .group(let members):
            .object(Dictionary(members.map { ($0.key, json($0.value)) }, uniquingKeysWith: { $1 }))
        }
    }

    private func comesBack(_ value: YAML, _ comment: String = "what it is") throws {
        let text = YAMLText.documents([([comment], value), ([], ["next": 1])])
        #expect(try read(text) == .array([json(value), ["next": 1]]), "\(text)")
    }

    @Test func itIsEasyToRead() {
        let value: YAML = .group([
            .init("kind", "Job"), .init("count", 3, comment: "how many"),
            .init("rules", [["action": "Ignore", "codes": [1, 2]], ["action": "Count"]]), .init("none", [:]),
            .init("version", "1.10"), .init("off", "off"), .init("text", "one\n  two\n"), .init("short", "one\ntwo"),
        ])
        #expect(
            YAMLText.documents([(["A job.", ""], value)]) == #"""
                # A job.
                #
                kind: Job
                # how many
                count: 3
                rules:
                  - action: Ignore
                    codes:
                      - 1
                      - 2
                  - action: Count
                none: {}
                version: "1.10"
                "off": "off"
                text: |
                  one
                    two
                short: |-
                  one
                  two

                """#)
    }

    @Test func aTextStaysATextWhateverItLooksLike() throws {
        let texts = [
            "", " ", "yes", "No", "NULL", "~", "y", "1", "1.10", "0x1F", "1e3", "12:30:45", "2024-01-01", ".inf", "-",
            "- a",
            "a: b", "a #b", "#a", "&a", "*a", "!a", "%a", "@a", "`a", "{a}", "[a]", "a,b", "'", "\"", "\\", "|", ">",
            "? a", "=",
            "<<", "a\nb", "a\n\nb\n", "\na", "a\n\n", " a\nb", "a\n b", "a\tb\nc", "a\r\nb", "a \nb ", "---\na",
            "a\n---\nb",
            "...", "x\u{1}y", "x\u{7F}y", "x\u{85}y", "x\u{2028}y", "x\u{FEFF}y", "x\u{202E}y", "x\u{FFFE}y", "größe",
            "文字", "🧬",
            "x\u{1F}\n", "a\n... \nb\n", "a: |\n  b\nkind: Secret\n",
        ]
        try comesBack(.list(texts.map { .text($0) }))
        try comesBack(.group(texts.enumerated().map { .init("k\($0)", .text($1)) }))
        try comesBack(.group(texts.map { .init($0, "x") }))
        try comesBack(["a": .list([.list([]), .list([.list([1]), [:]]), [["b": .nothing]]])])
    }

    @Test func aCommentCannotEnd() throws {
        try comesBack(["a": 1], "x\nkind: Secret\n---\u{2028}b: 2\u{85}c: 3\r\nd: 4")
        let value = YAML.group([
            .init("a", 1, comment: "x\nb: 2"), .init("l", .list([.group([.init("c", 1, comment: "y\rz: 3")])])),
        ])
        try comesBack(value)
    }

    @Test func treesAtRandomComeBack() throws {
        var random = Random(seed: 7)
        let letters = Array("ab:#-\n \t\"'\\{}[]&*!|>%@`?,.~01yn\u{7}\u{85}\u{2028}ü🧬".unicodeScalars)
        func text() -> String {
            var text = String.UnicodeScalarView()
            for _ in 0..<random.below(12) { text.append(letters[random.below(letters.count)]) }
            return String(text)
        }
        func tree(_ depth: Int) -> YAML {
            switch random.below(depth > 4 ? 3 : 6) {
            case 0: return .number(Int64(random.below(2000)) - 1000)
            case 1: return .flag(random.below(2) == 0)
            case 2: return .text(text())
            case 3: return .list((0..<random.below(5)).map { _ in tree(depth + 1) })
            default:
                var keys = Set<String>()
                let names = (0..<random.below(5)).map { _ in text() }.filter { keys.insert($0).inserted }
                return .group(names.map { .init($0, tree(depth + 1), comment: random.below(4) == 0 ? text() : nil) })
            }
        }
        let trees = (0..<400).map { _ in tree(0) }
        let written = YAMLText.documents(trees.map { ([], $0) })
        #expect(try read(written) == .array(trees.map(json)))
    }
}

/// The same numbers each time.
private struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func below(_ limit: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(limit))
    }
}
