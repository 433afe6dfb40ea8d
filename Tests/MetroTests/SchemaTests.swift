import Files
import JSON
import TestSupport
import Testing

@testable import Metro

/// The schema, with Python's jsonschema as the judge.
@Suite struct SchemaTests {
    /// What the judge has against each metro; empty where it fits.
    private func judged(_ metros: [String]) throws -> [String] {
        try withScratch("schema") { folder in
            try File.write(JSONText.bytes(of: Schema.metro, indented: true), to: "\(folder)/schema.json")
            // Debian's own Python: it has the packages that scripts/setup installs.
            let ended = try Program("/usr/bin/python3").run(
                File.parent(of: #filePath) + "/Schema/judge.py", "\(folder)/schema.json",
                input: JSONText.string(of: .array(metros.map { .string($0) })))
            #expect(ended.status == 0, "\(ended.errors)")
            return try JSONText.parse(ended.output).array?.map { $0.string ?? "" } ?? []
        }
    }

    @Test func everyMetroOfTheTemplatesAndOfTheDocsFits() throws {
        let metros = try GoodMetros.all()
        #expect(metros.count > 10)
        for (metro, told) in zip(metros, try judged(metros.map(\.text))) { #expect(told == "", "\(metro.name)") }
    }

    @Test func whatCanNotBeRightIsRefused() throws {
        let metro = { (rest: String) in "metro: m\ninputs: { x: { text: a } }\nlines: { main: [{ \(rest) }] }\n" }
        let wrong = [
            "", "metro: m\n", "metro: m\nlines: {}\nneds: { debian: a }\n", "metro: a b\nlines: { l: [] }\n",
            "metro: m\nlines: [a]\n", "metro: m\ninputs: { x: { files: a, text: b } }\nlines: { l: [] }\n",
            "metro: m\ninputs: { task: a }\nlines: { l: [] }\n",
            "metro: m\ninputs: { x: { files: a, valid: { otherwise: go on } } }\nlines: { l: [] }\n",
            metro("station: s, command: a"), metro("station: s, command: a, out: b, otu: c"),
            metro("station: s, command: , out: b"), metro("station: s, command: [a], out: b"),
            metro("station: s, command: a, out: []"), metro("station: s, command: a, out: b, uses: { memory: lots }"),
            metro("station: s, command: a, out: b, uses: { cpus: 0 }"),
            metro("station: s, command: a, out: b, time: 2 fortnights"),
            metro("station: s, command: a, out: b, retry: 1.5"),
            metro("station: s, command: a, out: b, enabled: maybe"),
            metro("station: s, command: a, out: b, until: unchanged"),
            metro("station: s, command: a, out: b, repeat: 2, until: unchanged, at_most: 3"),
            metro("station: s, command: a, out: b, until: { below: 1 }, at_most: 3"),
            metro("station: s, command: a, out: b, env: { A-B: c }"),
            metro("station: s, command: a, out: b, workspaces: { x: maybe }"),
            metro("station: s, command: a, out: b, workspaces: { x: { files: a, access: maybe } }"),
            metro("station: s, command: a, out: b, workspaces: { x: { reads: a } }"),
            "metro: m\nworkspaces: { in: {} }\nlines: { l: [{ station: s, command: a, out: b }] }\n",
            metro("metro: a, command: b"),
        ]
        for (text, told) in zip(wrong, try judged(wrong)) {
            #expect(told != "", "\(text)")
            #expect(throws: MetroFailure.self, "the reader refuses it too") {
                try MetroReader.read(text: text, file: "metro.yml")
            }
        }
    }

    @Test func theExampleOfEachKeyFitsAndIsRead() throws {
        var metros: [(name: String, text: String)] = []
        for keys in KeyPlace.all {
            for key in keys.keys.keys {
                metros.append(("\(keys.keys.name) \(key.name)", keys.metro(with: key.example, for: key)))
            }
        }
        for (metro, told) in zip(metros, try judged(metros.map(\.text))) {
            #expect(told == "", "\(metro.name)")
            let mistakes = mistakes(in: metro.text)
            #expect(mistakes.isEmpty, "\(metro.name)")
        }
    }

    /// Numbers, sizes, times and closed lists: what the reader takes the schema takes, and the other way round.
    @Test func theSchemaAndTheReaderAgreeOnValues() throws {
        let values = [
            "1.10", "no", "YES", "True", "off", "2 GB", "500", "0", "-1", "1e-6", "\"5\"", "'no'", "[a]", "{ a: b }",
            "", "[]", "1 hour 30 minutes", "1.5 GiB", "90 s", "2h", "0.1", "stop", "leave out", "unchanged", "1,5",
            "100", "101", "100001", "1e3", "~x", "2026-01-31", "5 parsecs", "1.5.2", "nan",
        ]
        // What YAML makes a number of, so that a schema can't know how it was written.
        let rewritten = ["0x1F", "+3", ".5", "1_000", "12:30", ".inf"]
        var metros: [(keys: String, text: String, isRewritten: Bool)] = []
        for keys in KeyPlace.all {
            for key in keys.keys.keys where key.value.isOfAForm {
                for value in values + rewritten {
                    let text = keys.metro(with: "\(key.name): \(value)", for: key)
                    metros.append(("\(keys.keys.name) \(key.name): \(value)", text, rewritten.contains(value)))
                }
            }
        }
        #expect(metros.count > 600)
        for (metro, told) in zip(metros, try judged(metros.map(\.text))) {
            let mistakes = mistakes(in: metro.text)
            if mistakes.isEmpty {
                #expect(told == "", "\(metro.keys)")
            } else if !metro.isRewritten {
                #expect(told != "", "\(metro.keys): \(mistakes)")
            }
        }
    }

    /// What the reader says of the form: not that the metro on a line is not there, nor what a good value means beside others.
    private func mistakes(in text: String) -> [Diagnostic] {
        do {
            _ = try MetroReader.read(text: text, file: "/nowhere/metro.yml")
            return []
        } catch {
            return error.diagnostics.filter { mistake in
                ![
                    "../quality", "without a seed", "asks for nothing", "the file of requirements",
                    "the password of an FTP server, and none is named",
                ].contains { mistake.message.contains($0) }
            }
        }
    }

    @Test func everyKeyStandsInThePageOfTheMetroFile() throws {
        let page = String(decoding: try File.read("\(GoodMetros.checkout)/docs/metro-file.md"), as: UTF8.self)
        for keys in KeyPlace.all {
            for key in keys.keys.keys {
                let isThere = ["`\(key.name)`", "`\(key.name):", "{ \(key.name):", ", \(key.name):"].contains {
                    page.contains($0)
                }
                #expect(isThere, "\(keys.keys.name) \(key.name)")
            }
        }
    }
}

extension Key.Value {
    /// Whether what stands there is more than some text or group.
    fileprivate var isOfAForm: Bool {
        switch self {
        case .number, .count, .size, .time, .flag, .words: true
        case .either(let values): values.allSatisfy(\.isOfAForm)
        default: false
        }
    }
}

/// A place for the keys of each kind of group: a right metro around them.
private struct KeyPlace {
    let keys: Keys
    /// What stands there besides the key that is looked at.
    let base: [String: String]
    /// The metro around `%`, the members of the group.
    let around: String
    /// What stands there besides for some of the keys.
    var more: [String: [String: String]] = [:]

    static let all = [
        KeyPlace(
            keys: .metro, base: ["metro": "metro: m", "inputs": inputs, "lines": lines(of: station)], around: "{ % }"),
        KeyPlace(keys: .needs, base: [:], around: metro("needs: { % }")),
        KeyPlace(
            keys: .archive, base: ["address": "address: \"https://example.org/a.tgz\""],
            around: metro("needs: { archive: { % } }")),
        KeyPlace(
            keys: .git, base: ["repository": "repository: \"https://example.org/a.git\""],
            around: metro("needs: { git: [{ % }] }")),
        KeyPlace(
            keys: .debian, base: ["packages": "packages: bwa"], around: metro("needs: { debian: { % } }")),
        KeyPlace(keys: .pip, base: [:], around: metro("needs: { pip: { % } }")),
        KeyPlace(
            keys: .input, base: ["files": "files: a"],
            around: "{ metro: m, inputs: { reads: { % } }, \(lines(of: station)) }"),
        KeyPlace(
            keys: .valid, base: [:],
            around: "{ metro: m, inputs: { reads: { files: a, valid: { % } } }, \(lines(of: station)) }"),
        KeyPlace(
            keys: .workspace, base: [:],
            around: "{ metro: m, \(inputs), workspaces: { panel: { % } }, \(lines(of: station)) }"),
        KeyPlace(
            keys: .workspaceUse, base: [:],
            around: metro("", lines: lines(of: station + ", workspaces: { panel: { % } }"))),
        KeyPlace(
            keys: .line, base: ["stations": "stations: [{ \(station) }]"],
            around: metro("", lines: "lines: { l: { % } }")),
        KeyPlace(
            keys: .station,
            base: [
                "station": "station: s", "in": "in: reference", "command": "command: \"cat {in}\"", "out": "out: a.txt",
            ], around: metro("", lines: lines(of: "%")),
            more: [
                "for_each": ["out": "out: \"{name}.txt\""], "seed": ["command": "command: \"echo {seed} {in}\""],
            ]),
        KeyPlace(
            keys: .until, base: [:],
            around: metro("", lines: lines(of: "station: s, command: a, out: b.txt, at_most: 3, until: { % }"))),
        KeyPlace(
            keys: .uses, base: [:], around: metro("", lines: lines(of: "station: s, command: a, out: b, uses: { % }"))),
        KeyPlace(keys: .nested, base: ["metro": "metro: ../quality"], around: metro("", lines: lines(of: "%"))),
    ]

    private static let inputs = "inputs: { reads: a, reference: a }"
    private static func other(_ name: String) -> String {
        "station: \(name), in: reads, command: \"cat {in}\", out: \(name).vcf.gz"
    }
    private static let station = "station: s, in: reads, command: \"cat {in}\", out: a.txt"
    private static func lines(of stop: String) -> String {
        "lines: { l: [{ \(stop) }], other: [{ \(other("index")) }, { \(other("call")) }, { \(other("merge")) }] }"
    }
    private static func metro(_ more: String, lines: String? = nil) -> String {
        "{ metro: m, \(inputs), workspaces: [panel], \(lines ?? self.lines(of: station))\(more.isEmpty ? "" : ", ")\(more) }"
    }

    /// The metro with a key in it, and what must stand beside it.
    func metro(with text: String, for key: Key) -> String {
        var members = base
        for other in keys.exclusive where other.contains(key.name) { for name in other { members[name] = nil } }
        members.merge(more[key.name] ?? [:]) { $1 }
        members[key.name] = text
        for beside in keys.beside where beside.key == key.name && !beside.oneOf.contains(where: { members[$0] != nil })
        {
            guard let other = keys.keys.first(where: { $0.name == beside.oneOf[0] }) else { continue }
            members[other.name] = other.example
        }
        let list = members.sorted { $0.key < $1.key }.map(\.value).joined(separator: ", ")
        return around.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false).joined(separator: list)
            + "\n"
    }
}
