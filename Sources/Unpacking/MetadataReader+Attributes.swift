internal import Files

/// Extended attributes: a table of numbers, each of which stands for some names with their values.
extension MetadataReader {
    /// What one file's attributes may be at most, all of them together.
    private static let mostBytes = 1 << 20
    private static let entrySize = 16

    /// The attributes of a file or folder that are kept; others are passed over.
    func attributes(of inode: Inode) throws(UnpackFailure) -> [FileAttribute] {
        guard inode.attributes != Inode.noAttributes, let table = image.attributeTable else { return [] }
        var head = LittleEndian(try image.read(at: table, count: 16))
        let start = Int64(clamping: head.number(UInt64.self))
        guard inode.attributes < head.number(UInt32.self) else { throw attributesDamaged }
        let place = Int64(inode.attributes) * Int64(Self.entrySize)
        let blockSize = Int64(Image.metadataSize)
        var pointer = LittleEndian(try image.read(at: table + 16 + place / blockSize * 8, count: 8))
        var cursor = Cursor(
            block: Int64(clamping: pointer.number(UInt64.self)), offset: Int(place % blockSize))
        var entry = LittleEndian(try read(Self.entrySize, at: &cursor))
        var list = try self.cursor(to: entry.number(UInt64.self), from: start)
        var attributes: [FileAttribute] = []
        var left = Self.mostBytes
        for _ in 0..<entry.number(UInt32.self) {
            var key = LittleEndian(try read(4, at: &list))
            let (type, length) = (key.number(UInt16.self), Int(key.number(UInt16.self)))
            let name = try read(length, at: &list)
            var size = try number(at: &list)
            left -= 8 + length + size
            guard left >= 0 else { throw attributesDamaged }
            var value = try read(size, at: &list)
            if type & Self.isElsewhere != 0 {
                guard value.count == 8 else { throw attributesDamaged }
                var reference = LittleEndian(value)
                var elsewhere = try self.cursor(to: reference.number(UInt64.self), from: start)
                size = try number(at: &elsewhere)
                left -= size
                guard left >= 0 else { throw attributesDamaged }
                value = try read(size, at: &elsewhere)
            }
            guard type & 0xff == Self.user, let text = String(validating: name, as: UTF8.self) else { continue }
            let attribute = FileAttribute(name: "user." + text, value: value)
            if FileAttribute.isKept(attribute.name), value.count <= FileAttribute.mostBytes {
                attributes.append(attribute)
            }
        }
        return attributes
    }

    private static let user: UInt16 = 0
    /// Of a name's type: where the value should be stands where it is, since others have it too.
    private static let isElsewhere: UInt16 = 0x100

    private func cursor(to reference: UInt64, from start: Int64) throws(UnpackFailure) -> Cursor {
        guard reference >> 16 < 1 << 40, start < image.size else { throw attributesDamaged }
        return Cursor(block: start + Int64(reference >> 16), offset: Int(reference & 0xffff))
    }

    private func number(at cursor: inout Cursor) throws(UnpackFailure) -> Int {
        var bytes = LittleEndian(try read(4, at: &cursor))
        return Int(bytes.number(UInt32.self))
    }

    private var attributesDamaged: UnpackFailure { .damaged("its table of attributes is broken", in: image.path) }
}
