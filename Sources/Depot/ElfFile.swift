internal import Files

/// What las reads of a program in ELF: whether it is one for this machine, and which loader starts it.
struct ElfFile {
    /// The loader's path; nil for a program that needs none.
    let loader: String?
    /// For processors like this machine's.
    let isOfThisMachine: Bool

    /// - Returns: nil for what is no ELF file.
    init?(_ bytes: [UInt8]) {
        func number(_ offset: Int, _ length: Int) -> Int? {
            guard offset >= 0, offset + length <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[offset..<(offset + length)].reversed() {
                if value >= 1 << 48 { return nil }
                value = value << 8 | Int(byte)
            }
            return value
        }
        guard bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]), bytes.count >= 64 else { return nil }
        #if arch(x86_64)
            let machine = 62
        #else
            let machine = 183
        #endif
        // 64 bits, the lowest byte first.
        isOfThisMachine = bytes[4] == 2 && bytes[5] == 1 && number(18, 2) == machine
        var found: String?
        if isOfThisMachine, let table = number(32, 8), let size = number(54, 2), let count = number(56, 2), size >= 56 {
            for entry in 0..<count {
                let start = table + entry * size
                // PT_INTERP
                guard number(start, 4) == 3, let offset = number(start + 8, 8), let length = number(start + 32, 8),
                    length > 1, length < 4096, offset + length <= bytes.count
                else { continue }
                found = String(decoding: bytes[offset..<(offset + length)].prefix { $0 != 0 }, as: UTF8.self)
            }
        }
        loader = found
    }
}
