/// A place in the text that is being encoded. What is nested is written into it as soon as it is whole.
final class JSONPlace {
    private enum Shape { case nothing, scalar, items, members }

    /// What comes from a container that somebody may still be filling, and its place among what is written.
    private struct Open {
        let start: Int
        let place: JSONPlace
    }

    private struct Member {
        let key: String
        let text: Range<Int>
        var open: JSONPlace?
    }

    private var shape = Shape.nothing
    private var writer = JSONWriter()
    private var members: [Member] = []
    private var openItems: [Open] = []
    private(set) var count = 0

    func becomeItems() { shape = .items }
    func becomeMembers() { shape = .members }

    func scalar(_ write: (inout JSONWriter) -> Void) {
        shape = .scalar
        write(&writer)
    }

    func item(_ write: (inout JSONWriter) throws -> Void) rethrows {
        if count > 0 { writer.write(UInt8(ascii: ",")) }
        count += 1
        try write(&writer)
    }

    func openItem() -> JSONPlace {
        let place = JSONPlace()
        item { openItems.append(Open(start: $0.bytes.count, place: place)) }
        return place
    }

    func member(_ key: String, _ write: (inout JSONWriter) throws -> Void) rethrows {
        let start = writer.bytes.count
        try write(&writer)
        members.append(Member(key: key, text: start..<writer.bytes.count))
    }

    /// - Parameter write: returns whether it has written anything.
    /// - Returns: the same; without, there is no member.
    func scalarMember(_ key: String, _ write: (inout JSONWriter) throws -> Bool) rethrows -> Bool {
        let start = writer.bytes.count
        guard try write(&writer) else { return false }
        members.append(Member(key: key, text: start..<writer.bytes.count))
        return true
    }

    /// What is whole already: small texts are put together, a large one is copied only into the whole.
    func member(_ key: String, whole place: JSONPlace) {
        if place.writer.bytes.count > Self.large {
            members.append(Member(key: key, text: 0..<0, open: place))
        } else {
            member(key) { place.write(to: &$0) }
        }
    }

    private static let large = 64 << 10

    func openMember(_ key: String) -> JSONPlace {
        let place = JSONPlace()
        members.append(Member(key: key, text: 0..<0, open: place))
        return place
    }

    /// All of it, when nothing is added any more.
    func write(to out: inout JSONWriter) {
        switch shape {
        case .nothing: out.write("{}".utf8)
        case .scalar: out.write(writer.bytes)
        case .items:
            // All at once, so that it never lies there twice.
            out.makeRoom(for: writer.bytes.count + 2)
            out.write(UInt8(ascii: "["))
            var start = 0
            for open in openItems {
                out.write(writer.bytes[start..<open.start])
                open.place.write(to: &out)
                start = open.start
            }
            out.write(writer.bytes[start...])
            out.write(UInt8(ascii: "]"))
        case .members:
            out.write(UInt8(ascii: "{"))
            members.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (number, member) in members.enumerated() {
                if number > 0 { out.write(UInt8(ascii: ",")) }
                out.write(member.key)
                out.write(UInt8(ascii: ":"))
                if let open = member.open { open.write(to: &out) } else { out.write(writer.bytes[member.text]) }
            }
            out.write(UInt8(ascii: "}"))
        }
    }
}

struct JSONTextEncoder: Encoder {
    let place: JSONPlace
    // Our own values can all be written: nobody is told where one could not.
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func write(_ value: some Encodable, to writer: inout JSONWriter) throws {
        if try !writeScalar(value, to: &writer) { try place(of: value).write(to: &writer) }
    }

    /// - Returns: false for what has something in it.
    private static func writeScalar<T: Encodable>(_ value: T, to writer: inout JSONWriter) throws -> Bool {
        if T.self == String.self {
            writer.write(value as! String)
        } else if T.self == Bool.self {
            writer.write(value as! Bool)
        } else if T.self == Double.self {
            writer.write(value as! Double)
        } else if T.self == Float.self {
            writer.write(Double(value as! Float))
        } else if T.self == JSONValue.self {
            writer.write(value as! JSONValue)
        } else if let integer = JSONInteger.exact(value) {
            guard let number = integer else {
                throw EncodingError.invalidValue(
                    value, .init(codingPath: [], debugDescription: "JSON here holds integers of 64 bits with a sign"))
            }
            writer.write(number)
        } else {
            return false
        }
        return true
    }

    private static func place(of value: some Encodable) throws -> JSONPlace {
        let place = JSONPlace()
        try value.encode(to: JSONTextEncoder(place: place))
        return place
    }

    static func write(_ value: some Encodable, as key: String, in place: JSONPlace) throws {
        let isScalar = try place.scalarMember(key) { try writeScalar(value, to: &$0) }
        if !isScalar { place.member(key, whole: try Self.place(of: value)) }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        place.becomeMembers()
        return KeyedEncodingContainer(JSONKeyedEncoding(place: place))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        place.becomeItems()
        return JSONUnkeyedEncoding(place: place)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { JSONSingleEncoding(place: place) }
}

private struct JSONKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let place: JSONPlace
    var codingPath: [any CodingKey] { [] }

    mutating func encodeNil(forKey key: Key) throws { place.member(key.stringValue) { $0.writeNull() } }
    // Those that events are made of: which type it is needs not be asked.
    mutating func encode(_ text: String, forKey key: Key) throws { place.member(key.stringValue) { $0.write(text) } }
    mutating func encode(_ flag: Bool, forKey key: Key) throws { place.member(key.stringValue) { $0.write(flag) } }
    mutating func encode(_ number: Double, forKey key: Key) throws {
        place.member(key.stringValue) { $0.write(number) }
    }
    mutating func encode(_ number: Int, forKey key: Key) throws {
        place.member(key.stringValue) { $0.write(Int64(number)) }
    }

    mutating func encode(_ value: some Encodable, forKey key: Key) throws {
        try JSONTextEncoder.write(value, as: key.stringValue, in: place)
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        JSONTextEncoder(place: place.openMember(key.stringValue)).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        JSONTextEncoder(place: place.openMember(key.stringValue)).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder { JSONTextEncoder(place: place.openMember("super")) }
    mutating func superEncoder(forKey key: Key) -> any Encoder {
        JSONTextEncoder(place: place.openMember(key.stringValue))
    }
}

private struct JSONUnkeyedEncoding: UnkeyedEncodingContainer {
    let place: JSONPlace
    var codingPath: [any CodingKey] { [] }
    var count: Int { place.count }

    mutating func encodeNil() throws { place.item { $0.writeNull() } }

    mutating func encode(_ value: some Encodable) throws {
        try place.item { try JSONTextEncoder.write(value, to: &$0) }
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        JSONTextEncoder(place: place.openItem()).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONTextEncoder(place: place.openItem()).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder { JSONTextEncoder(place: place.openItem()) }
}

private struct JSONSingleEncoding: SingleValueEncodingContainer {
    let place: JSONPlace
    var codingPath: [any CodingKey] { [] }

    func encodeNil() throws { place.scalar { $0.writeNull() } }
    func encode(_ text: String) throws { place.scalar { $0.write(text) } }

    func encode(_ value: some Encodable) throws {
        var writer = JSONWriter()
        try JSONTextEncoder.write(value, to: &writer)
        place.scalar { $0.write(writer.bytes) }
    }
}
