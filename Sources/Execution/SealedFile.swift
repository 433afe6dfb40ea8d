internal import Digests
internal import Files
internal import JSON

/// JSON in a file that says itself whether it is whole: the SHA-256 of the text in hexadecimal digits, a space, the text.
///
/// For what can be made again: it is not synced, and whatever a crash left of it is no value.
enum SealedFile {
    static func read<Value: Decodable>(_ type: Value.Type, _ path: String, atMost limit: Int = 1 << 28) -> Value? {
        guard let bytes = try? File.read(path, atMost: limit), bytes.count > 65, bytes[64] == UInt8(ascii: " "),
            bytes[..<64].elementsEqual(Digest(of: bytes[65...]).hex.utf8)
        else { return nil }
        return try? JSONText.decode(type, from: bytes[65...])
    }

    static func bytes(_ value: some Encodable) -> [UInt8] {
        let text = JSONText.encode(value)
        var bytes = Array(Digest(of: text).hex.utf8)
        bytes.reserveCapacity(bytes.count + 1 + text.count)
        bytes.append(UInt8(ascii: " "))
        bytes += text
        return bytes
    }

    /// Whole for whoever reads it at the same time.
    static func write(_ value: some Encodable, to path: String, beside: String) throws(FileFailure) {
        try Folder.make(File.parent(of: path))
        let place = "\(beside)/\(File.name(of: path)).new-\(UInt64.random(in: 0 ... .max))"
        try Folder.make(beside)
        try File.create(place, bytes(value))
        do throws(FileFailure) { try File.move(place, to: path) } catch {
            File.remove(place)
            throw error
        }
    }
}
