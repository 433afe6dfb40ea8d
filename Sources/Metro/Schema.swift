package import JSON

/// The metro language as a JSON Schema (draft 2020-12), for editors: what may stand where, with words for people.
///
/// It takes every metro that the reader takes, and refuses what has the wrong form; what hangs together over the whole metro
/// (names, files, placeholders) only the reader knows. YAML's numbers and booleans are texts to a metro, so where a text may
/// stand they may too.
package enum Schema {
    package static var metro: JSONValue {
        var definitions: [String: JSONValue] = [:]
        var root = object(Keys.metro, &definitions)
        root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        root["title"] = "A metro of las"
        root["$defs"] = .object(definitions)
        return .object(root)
    }

    // MARK: Groups

    private static func object(_ keys: Keys, _ definitions: inout [String: JSONValue]) -> [String: JSONValue] {
        var properties: [String: JSONValue] = [:]
        for key in keys.keys {
            var property = schema(key.value, &definitions)
            property["description"] = .string("\(key.about)\n\nFor example: \(key.example)")
            properties[key.name] = .object(property)
        }
        var schema: [String: JSONValue] = [
            "type": "object", "properties": .object(properties), "additionalProperties": false,
        ]
        if !keys.mayBeEmpty { schema["minProperties"] = 1 }
        if !keys.required.isEmpty { schema["required"] = .array(keys.required.map { .string($0) }) }
        if !keys.beside.isEmpty {
            schema["dependentSchemas"] = .object(
                Dictionary(
                    keys.beside.map { ($0.key, ["anyOf": .array($0.oneOf.map(presence))]) },
                    uniquingKeysWith: { first, _ in first }))
        }
        if !keys.exclusive.isEmpty {
            let pairs = keys.exclusive.flatMap { names in
                names.indices.flatMap { first in names[(first + 1)...].map { [names[first], $0] } }
            }
            schema["not"] = [
                "anyOf": .array(pairs.map { ["required": .array($0.map { .string($0) })] })
            ]
        }
        return schema
    }

    private static func presence(of key: String) -> JSONValue { ["required": [.string(key)]] }

    // MARK: Values

    private static func schema(
        _ value: Key.Value, _ definitions: inout [String: JSONValue]
    ) -> [String: JSONValue] {
        switch value {
        case .text: return ["type": ["string", "number", "boolean"], "minLength": 1]
        case .maybeEmptyText: return ["type": ["string", "number", "boolean"]]
        case .name(let naming): return name(naming)
        case .words(let words): return ["enum": .array(words.map { .string($0) })]
        case .number: return any([["type": "number"], matching("[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?")])
        case .count(let range):
            let number: JSONValue = [
                "type": "integer", "minimum": .integer(Int64(range.lowerBound)),
                "maximum": .integer(Int64(range.upperBound)),
            ]
            return any([number, matching("[0-9]+")])
        case .size:
            let units = alternatives(MetroReading.sizes.keys.filter { !$0.isEmpty })
            return any([["type": "number", "minimum": 0], matching(" *\(amount) *\(units)? *")])
        case .time: return matching(" *(\(amount) *\(alternatives(MetroReading.times.keys)) *)+").object ?? [:]
        case .flag:
            let words = ["yes", "no", "true", "false", "on", "off"]
            return any([["enum": ["yes", "no"]], ["type": "boolean"], matching(alternatives(words))])
        case .list(let item):
            return ["type": "array", "minItems": 1, "items": .object(schema(item, &definitions))]
        case .group(let keys):
            if definitions[keys.name] == nil {
                definitions[keys.name] = .null
                definitions[keys.name] = .object(object(keys, &definitions))
            }
            return ["$ref": .string("#/$defs/\(keys.name)")]
        case .named(let naming, let value):
            return [
                "type": "object", "propertyNames": .object(name(naming)),
                "additionalProperties": .object(schema(value, &definitions)),
            ]
        case .either(let values): return any(values.map { .object(schema($0, &definitions)) })
        }
    }

    private static func any(_ schemas: [JSONValue]) -> [String: JSONValue] { ["anyOf": .array(schemas)] }

    // MARK: Texts of a form

    private static let amount = "[0-9]+(\\.[0-9]+)?"

    /// A text that is this whole pattern; of regular expressions only what all languages have.
    private static func matching(_ pattern: String) -> JSONValue {
        ["type": "string", "pattern": .string("^(\(pattern))$")]
    }

    /// Any of these words, in large or small letters.
    private static func alternatives(_ words: some Collection<String>) -> String {
        let parts = words.sorted { ($0.utf8.count, $1) > ($1.utf8.count, $0) }.map { word in
            word.map { "[\($0.uppercased())\($0)]" }.joined()
        }
        return "(\(parts.joined(separator: "|")))"
    }

    private static func name(_ naming: Key.Naming) -> [String: JSONValue] {
        if naming == .variable { return ["pattern": "^[A-Za-z_][0-9A-Za-z_]*$"] }
        // Letters of any script: all but ASCII's other characters.
        let others = naming == .metro ? "/:-@\\[-^`{-\\u007F" : "./:-@\\[-^`{-\\u007F"
        var schema: [String: JSONValue] = [
            "type": ["string", "boolean"], "maxLength": 100,
            "pattern": .string("^[^\\u0000-@\\[-`{-\\u007F][^\\u0000-,\(others)]*$"),
        ]
        if naming == .thing { schema["not"] = ["enum": .array(Vocabulary.reserved.sorted().map { .string($0) })] }
        return schema
    }
}
