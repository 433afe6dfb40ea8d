import JSON
import Testing

@Suite struct JSONTextTests {
    struct Station: Codable, Equatable {
        enum Kind: String, Codable { case once, each }
        var name: String
        var kind: Kind
        var cpus: Int
        var memory: Int64?
        var takes: [String]
        var variables: [String: String]
    }

    @Test func valuesOfOurOwnComeBackAsTheyWere() throws {
        let station = Station(
            name: "align “ü”", kind: .each, cpus: 2, memory: nil, takes: ["a", "b"], variables: ["z": "1", "a": "\n"])
        let text = JSONText.encode(station)
        #expect(try JSONText.decode(Station.self, from: text) == station)
    }

    @Test func keysAreSortedSoThatTheBytesAreAlwaysTheSame() {
        let value: JSONValue = ["b": 1, "a": ["z": true, "y": .null], "c": [1, 2]]
        #expect(JSONText.string(of: value) == #"{"a":{"y":null,"z":true},"b":1,"c":[1,2]}"#)
    }

    /// What is indented is written by jansson; no text here holds a space.
    @Test func oneLineIsWhatJanssonWritesWithoutItsSpaces() {
        let texts = (0..<0x100).map { String(UnicodeScalar(UInt8($0))) }.filter { $0 != " " }
        let value: JSONValue = [
            "texts": .array(texts.map { .string("a\($0)b") }), "ü/\"\\": "“𝄞”", "": "", "Z": [], "a": [:], "ab": .null,
            "numbers": .array([0.1, 1, -0.0, 1e300, 2.5e-9, 1_700_000_000.123].map { .number($0) }),
            "integers": .array([0, 9, 10, -1, .max, .min].map { .integer($0) }), "flags": [.bool(true), .bool(false)],
        ]
        let indented = JSONText.string(of: value, indented: true)
        #expect(
            JSONText.string(of: value)
                == String(indented.unicodeScalars.filter { $0 != " " && $0 != "\n" }.map(Character.init)))
    }

    enum Choice: Codable, Hashable {
        case none
        case words([String])
        case pair(left: Int, right: [Choice])
    }

    @Test func whatIsNestedIsWrittenWhereItStands() throws {
        let choice = Choice.pair(left: 1, right: [.none, .words(["a", "b"]), .pair(left: 2, right: []), .none])
        let text = String(decoding: JSONText.encode(["of": choice]), as: UTF8.self)
        let inner = #"[{"none":{}},{"words":{"_0":["a","b"]}},{"pair":{"left":2,"right":[]}},{"none":{}}]"#
        #expect(text == #"{"of":{"pair":{"left":1,"right":"# + inner + "}}}")
        #expect(try JSONText.decode([String: Choice].self, from: Array(text.utf8)) == ["of": choice])
    }

    @Test func aLargeListStandsAmongItsNeighbours() throws {
        let lists = ["a": ["1"], "b": Array(repeating: String(repeating: "x", count: 99), count: 2000), "c": ["2"]]
        let text = String(decoding: JSONText.encode(lists), as: UTF8.self)
        #expect(
            text.utf8.count > 1 << 16 && text.hasPrefix(#"{"a":["1"],"b":["xx"#) && text.hasSuffix(#"xx"],"c":["2"]}"#))
        #expect(try JSONText.decode([String: [String]].self, from: Array(text.utf8)) == lists)
    }

    @Test func lettersThatAreNoneAreKept() throws {
        #expect(JSONValue(encoding: ["a\u{1}": "b\u{0}c"]) == ["a\u{1}": "b\u{0}c"])
    }

    @Test func duplicateKeysAreRefused() {
        #expect(throws: JSONFailure.self) { try JSONText.parse(#"{"a":1,"a":2}"#) }
    }

    @Test func whatIsMissingIsNamed() throws {
        let failure = #expect(throws: JSONFailure.self) { try JSONText.decode(Station.self, from: Array("{}".utf8)) }
        #expect(failure?.summary == "“name” is missing")
    }
}
