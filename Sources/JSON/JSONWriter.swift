internal import CJansson

/// JSON text as it grows: one line, the members of objects sorted by the bytes of their keys. The same bytes as jansson
/// writes, without a tree of all that they say: what a run tells of a hundred thousand files is large enough once.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []

    mutating func makeRoom(for count: Int) {
        if count > 64 << 10 { bytes.reserveCapacity(bytes.count + count) }
    }

    mutating func write(_ byte: UInt8) { bytes.append(byte) }
    mutating func write(_ text: some Sequence<UInt8>) { bytes.append(contentsOf: text) }
    mutating func writeNull() { write("null".utf8) }
    mutating func write(_ flag: Bool) { write(flag ? "true".utf8 : "false".utf8) }

    mutating func write(_ number: Int64) {
        if (0...9).contains(number) { return write(UInt8(ascii: "0") + UInt8(number)) }
        write(String(number).utf8)
    }

    /// As many digits as jansson finds right.
    mutating func write(_ number: Double) {
        guard let node = json_real(number) else { preconditionFailure("JSON has no number \(number)") }
        defer { las_json_decref(node) }
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            let count = json_dumpb(node, buffer.baseAddress, buffer.count, Int(JSON_ENCODE_ANY))
            precondition(count <= buffer.count, "a number has no 64 digits")
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]))
        }
    }

    mutating func write(_ text: String) {
        write(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { text in
            var start = 0
            for (place, byte) in text.enumerated() {
                if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { continue }
                bytes.append(contentsOf: text[start..<place])
                escape(byte)
                start = place + 1
            }
            bytes.append(contentsOf: text[start...])
        }
        write(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        write(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: write(UInt8(ascii: "b"))
        case 0x09: write(UInt8(ascii: "t"))
        case 0x0A: write(UInt8(ascii: "n"))
        case 0x0C: write(UInt8(ascii: "f"))
        case 0x0D: write(UInt8(ascii: "r"))
        case ..<0x20:
            write((byte < 0x10 ? "u000" : "u001").utf8)
            write(Array("0123456789ABCDEF".utf8)[Int(byte & 15)])
        default: write(byte)
        }
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: writeNull()
        case .bool(let flag): write(flag)
        case .integer(let number): write(number)
        case .number(let number): write(number)
        case .string(let text): write(text)
        case .array(let items):
            write(UInt8(ascii: "["))
            for (number, item) in items.enumerated() {
                if number > 0 { write(UInt8(ascii: ",")) }
                write(item)
            }
            write(UInt8(ascii: "]"))
        case .object(let members):
            write(UInt8(ascii: "{"))
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (number, member) in sorted.enumerated() {
                if number > 0 { write(UInt8(ascii: ",")) }
                write(member.key)
                write(UInt8(ascii: ":"))
                write(member.value)
            }
            write(UInt8(ascii: "}"))
        }
    }
}
