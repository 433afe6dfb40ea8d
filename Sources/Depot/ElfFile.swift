/// What las reads of a program or library in ELF: whether it is one for this machine, which loader starts it, and which
/// libraries it names.
struct ElfFile {
    /// The loader's path; nil for a program that needs none.
    let loader: String?
    /// For processors like this machine's.
    let isOfThisMachine: Bool
    /// The names of shared libraries that have to be there when it starts: `libz.so.1`.
    let libraries: [String]

    /// - Returns: nil for what is no ELF file.
    init?(_ bytes: [UInt8]) {
        guard bytes.starts(with: Self.magic), bytes.count >= 64 else { return nil }
        #if arch(x86_64)
            let machine = 62
        #else
            let machine = 183
        #endif
        let reader = Reader(bytes: bytes)
        // 64 bits, the lowest byte first.
        isOfThisMachine = bytes[4] == 2 && bytes[5] == 1 && reader.number(18, 2) == machine
        let segments = isOfThisMachine ? reader.segments : []
        loader = segments.last { $0.kind == Segment.interpreter && $0.length > 1 && $0.length < 4096 }
            .flatMap { reader.text($0.offset, atMost: $0.length) }
        libraries = reader.libraries(segments)
    }

    static let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]

    private struct Segment {
        static let (loaded, dynamic, interpreter) = (1, 2, 3)

        let kind: Int
        let offset: Int
        let address: Int
        let length: Int
    }

    /// Nothing of the file is believed: what lies outside of it is nil.
    private struct Reader {
        let bytes: [UInt8]

        func number(_ offset: Int, _ length: Int) -> Int? {
            guard offset >= 0, offset < 1 << 48, offset + length <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[offset..<(offset + length)].reversed() {
                if value >= 1 << 48 { return nil }
                value = value << 8 | Int(byte)
            }
            return value
        }

        /// Up to the next NUL.
        func text(_ offset: Int, atMost limit: Int) -> String? {
            guard offset >= 0, offset < bytes.count else { return nil }
            return String(decoding: bytes[offset...].prefix(limit).prefix { $0 != 0 }, as: UTF8.self)
        }

        var segments: [Segment] {
            guard let table = number(32, 8), let size = number(54, 2), let count = number(56, 2), size >= 56 else {
                return []
            }
            return (0..<count).compactMap { place in
                let start = table + place * size
                guard let kind = number(start, 4), let offset = number(start + 8, 8),
                    let address = number(start + 16, 8), let length = number(start + 32, 8),
                    offset < 1 << 48, address < 1 << 48, length < 1 << 48, offset + length <= bytes.count
                else { return nil }
                return Segment(kind: kind, offset: offset, address: address, length: length)
            }
        }

        func libraries(_ segments: [Segment]) -> [String] {
            guard let dynamic = segments.first(where: { $0.kind == Segment.dynamic }) else { return [] }
            var (names, strings): ([Int], Int?) = ([], nil)
            for start in stride(from: dynamic.offset, to: dynamic.offset + min(dynamic.length, 1 << 20), by: 16) {
                guard let tag = number(start, 8) else { continue }
                // DT_NULL, DT_NEEDED, DT_STRTAB
                if tag == 0 { break }
                guard let value = number(start + 8, 8) else { continue }
                if tag == 1 { names.append(value) }
                if tag == 5 { strings = value }
            }
            let place = strings.flatMap { address in
                segments.first {
                    $0.kind == Segment.loaded && $0.address <= address && address - $0.address < $0.length
                }.map { $0.offset + address - $0.address }
            }
            guard let place else { return [] }
            return names.compactMap { name in text(place + min(name, 1 << 48), atMost: 255) }.filter { !$0.isEmpty }
        }
    }
}
