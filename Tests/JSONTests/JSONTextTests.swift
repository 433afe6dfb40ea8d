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

    @Test func duplicateKeysAreRefused() {
        #expect(throws: JSONFailure.self) { try JSONText.parse(#"{"a":1,"a":2}"#) }
    }

    @Test func whatIsMissingIsNamed() throws {
        let failure = #expect(throws: JSONFailure.self) { try JSONText.decode(Station.self, from: Array("{}".utf8)) }
        #expect(failure?.summary == "“name” is missing")
    }
}
