/// Values of our own to JSON and back by their `Codable`, without Foundation.
extension JSONText {
    package static func encode(_ value: some Encodable, indented: Bool = false) -> [UInt8] {
        if indented { return bytes(of: JSONValue(encoding: value), indented: true) }
        do {
            var writer = JSONWriter()
            try JSONTextEncoder.write(value, to: &writer)
            return writer.bytes
        } catch {
            preconditionFailure("our own values can all be written as JSON: \(error)")
        }
    }

    package static func decode<T: Decodable>(_ type: T.Type, from text: some Collection<UInt8>) throws(JSONFailure) -> T
    {
        try parse(text).decode(type)
    }
}

extension JSONValue {
    package init(encoding value: some Encodable) {
        do { self = try JSONText.parse(JSONText.encode(value), allowingNUL: true) } catch {
            preconditionFailure("our own values can all be written as JSON: \(error)")
        }
    }

    package func decode<T: Decodable>(_ type: T.Type) throws(JSONFailure) -> T {
        do {
            return try T(from: JSONTreeDecoder(value: self, codingPath: []))
        } catch let error as DecodingError {
            throw JSONFailure(describing: error)
        } catch {
            throw JSONFailure("\(error)")
        }
    }
}

extension JSONFailure {
    fileprivate init(describing error: DecodingError) {
        func path(_ context: DecodingError.Context) -> String? {
            context.codingPath.isEmpty ? nil : context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            self.init(context.debugDescription, place: path(context))
        case .keyNotFound(let key, let context):
            self.init("“\(key.stringValue)” is missing", place: path(context))
        @unknown default:
            self.init("\(error)")
        }
    }
}

struct JSONKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
    init(intValue: Int) { (stringValue, self.intValue) = (String(intValue), intValue) }
}
