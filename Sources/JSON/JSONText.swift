internal import CJansson

/// JSON text to values and back, by jansson: duplicate keys, NUL bytes and depths over 2,048 are refused.
package enum JSONText {
    package static func parse(_ text: some Collection<UInt8>) throws(JSONFailure) -> JSONValue {
        try parse(text, allowingNUL: false)
    }

    static func parse(_ text: some Collection<UInt8>, allowingNUL: Bool) throws(JSONFailure) -> JSONValue {
        var error = json_error_t()
        let flags = Int(JSON_REJECT_DUPLICATES) | Int(JSON_DECODE_ANY) | (allowingNUL ? Int(JSON_ALLOW_NUL) : 0)
        let root = Array(text).withUnsafeBytes { buffer in
            json_loadb(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count, flags, &error)
        }
        guard let root else {
            let reason = withUnsafeBytes(of: error.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            throw JSONFailure("this is not JSON: \(reason)", place: "line \(error.line), column \(error.column)")
        }
        defer { las_json_decref(root) }
        return value(of: root)
    }

    package static func parse(_ text: String) throws(JSONFailure) -> JSONValue { try parse(Array(text.utf8)) }

    /// - Parameter indented: for people, two spaces a level and a newline at the end; otherwise one line without one.
    package static func bytes(of value: JSONValue, indented: Bool = false) -> [UInt8] {
        if !indented {
            var writer = JSONWriter()
            writer.write(value)
            return writer.bytes
        }
        let root = jansson(value)
        defer { las_json_decref(root) }
        let flags = Int(JSON_SORT_KEYS) | Int(JSON_ENCODE_ANY) | 2
        guard let text = json_dumps(root, flags) else { preconditionFailure("jansson writes every value of ours") }
        defer { las_json_free(text) }
        return Array(UnsafeRawBufferPointer(start: text, count: las_strlen(text))) + [UInt8(ascii: "\n")]
    }

    package static func string(of value: JSONValue, indented: Bool = false) -> String {
        String(decoding: bytes(of: value, indented: indented), as: UTF8.self)
    }

    private static func value(of node: UnsafeMutablePointer<json_t>) -> JSONValue {
        switch node.pointee.type {
        case JSON_TRUE: return .bool(true)
        case JSON_FALSE: return .bool(false)
        case JSON_INTEGER: return .integer(json_integer_value(node))
        case JSON_REAL: return .number(json_real_value(node))
        case JSON_STRING:
            let bytes = UnsafeRawBufferPointer(start: json_string_value(node), count: json_string_length(node))
            return .string(String(decoding: bytes, as: UTF8.self))
        case JSON_ARRAY:
            return .array((0..<json_array_size(node)).compactMap { json_array_get(node, $0).map(value(of:)) })
        case JSON_OBJECT:
            var members: [String: JSONValue] = [:]
            members.reserveCapacity(json_object_size(node))
            var iterator = json_object_iter(node)
            while let current = iterator {
                if let key = json_object_iter_key(current), let member = json_object_iter_value(current) {
                    members[String(cString: key)] = value(of: member)
                }
                iterator = json_object_iter_next(node, current)
            }
            return .object(members)
        default: return .null
        }
    }

    /// A new reference.
    private static func jansson(_ value: JSONValue) -> UnsafeMutablePointer<json_t> {
        let node: UnsafeMutablePointer<json_t>?
        switch value {
        case .null: node = json_null()
        case .bool(let flag): node = flag ? json_true() : json_false()
        case .integer(let number): node = json_integer(number)
        case .number(let number): node = json_real(number)
        case .string(let text):
            var copy = text
            node = copy.withUTF8 { buffer in
                buffer.withMemoryRebound(to: CChar.self) { json_stringn($0.baseAddress ?? las_json_empty(), $0.count) }
            }
        case .array(let items):
            node = json_array()
            for item in items { json_array_append_new(node, jansson(item)) }
        case .object(let members):
            node = json_object()
            for (key, member) in members { json_object_set_new(node, key, jansson(member)) }
        }
        guard let node else { preconditionFailure("jansson holds every value of ours") }
        return node
    }
}
