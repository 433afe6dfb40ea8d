/// A place in the tree that is being encoded; what is nested hangs from it until the whole is read off.
final class JSONNode {
    var scalar: JSONValue?
    var items: [JSONNode]?
    var members: [String: JSONNode]?

    var value: JSONValue {
        if let members { return .object(members.mapValues(\.value)) }
        if let items { return .array(items.map(\.value)) }
        return scalar ?? .object([:])
    }
}

struct JSONTreeEncoder: Encoder {
    var node = JSONNode()
    var codingPath: [any CodingKey] = []
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.members = node.members ?? [:]
        return KeyedEncodingContainer(JSONKeyedEncoding(node: node, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.items = node.items ?? []
        return JSONUnkeyedEncoding(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        JSONSingleEncoding(node: node, codingPath: codingPath)
    }
}

private struct JSONKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: JSONNode
    let codingPath: [any CodingKey]

    private func child(_ key: some CodingKey) -> JSONNode {
        let child = JSONNode()
        node.members?[key.stringValue] = child
        return child
    }

    mutating func encodeNil(forKey key: Key) throws { child(key).scalar = .null }

    mutating func encode(_ value: some Encodable, forKey key: Key) throws {
        try JSONSingleEncoding(node: child(key), codingPath: codingPath + [key]).encode(value)
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        JSONTreeEncoder(node: child(key), codingPath: codingPath + [key]).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        JSONTreeEncoder(node: child(key), codingPath: codingPath + [key]).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder { JSONTreeEncoder(node: child(JSONKey(stringValue: "super"))) }
    mutating func superEncoder(forKey key: Key) -> any Encoder { JSONTreeEncoder(node: child(key)) }
}

private struct JSONUnkeyedEncoding: UnkeyedEncodingContainer {
    let node: JSONNode
    let codingPath: [any CodingKey]
    var count: Int { node.items?.count ?? 0 }

    private func child() -> JSONNode {
        let child = JSONNode()
        node.items?.append(child)
        return child
    }

    mutating func encodeNil() throws { child().scalar = .null }

    mutating func encode(_ value: some Encodable) throws {
        let key = JSONKey(intValue: count)
        try JSONSingleEncoding(node: child(), codingPath: codingPath + [key]).encode(value)
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        JSONTreeEncoder(node: child(), codingPath: codingPath).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONTreeEncoder(node: child(), codingPath: codingPath).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder { JSONTreeEncoder(node: child()) }
}

private struct JSONSingleEncoding: SingleValueEncodingContainer {
    let node: JSONNode
    let codingPath: [any CodingKey]

    func encodeNil() throws { node.scalar = .null }

    func encode(_ value: some Encodable) throws {
        switch value {
        case let flag as Bool: node.scalar = .bool(flag)
        case let text as String: node.scalar = .string(text)
        case let number as Double: node.scalar = .number(number)
        case let number as Float: node.scalar = .number(Double(number))
        case let number as any BinaryInteger & Encodable:
            guard let exact = Int64(exactly: number) else {
                throw EncodingError.invalidValue(
                    value,
                    .init(codingPath: codingPath, debugDescription: "JSON here holds integers of 64 bits with a sign"))
            }
            node.scalar = .integer(exact)
        case let value as JSONValue: node.scalar = value
        default: try value.encode(to: JSONTreeEncoder(node: node, codingPath: codingPath))
        }
    }
}
