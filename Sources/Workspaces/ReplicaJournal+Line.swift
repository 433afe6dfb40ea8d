internal import Digests
internal import Files

/// A line as JSON, written at once: the same as any encoder would write, with sorted keys.
extension ReplicaJournal.Line {
    func write(into bytes: inout [UInt8]) {
        bytes.append("{")
        if let entry {
            bytes.append("\"entry\":{\"seen\":{")
            // Nearly always one.
            let seen = entry.seen.numbers
            if seen.count == 1, let one = seen.first {
                bytes.append(one)
            } else {
                for (number, one) in seen.sorted(by: { $0.key < $1.key }).enumerated() {
                    if number > 0 { bytes.append(",") }
                    bytes.append(one)
                }
            }
            bytes.append("},\"versions\":[")
            for (number, version) in entry.versions.enumerated() {
                bytes.append(number > 0 ? ",{" : "{")
                bytes.append(version.content)
                bytes.append(",\"dot\":")
                bytes.append(version.dot)
                bytes.append(",\"height\":")
                bytes.append(number: version.height)
                bytes.append(",\"modified\":")
                bytes.append(number: version.modified)
                bytes.append("}")
            }
            bytes.append("]},")
        }
        if let lying {
            bytes.append("\"lying\":{")
            bytes.append(lying.content)
            bytes.append(",\"dot\":")
            bytes.append(lying.dot)
            bytes.append(",\"name\":")
            bytes.append(text: lying.name.string)
            let stamp = lying.stamp
            bytes.append(",\"stamp\":{\"inode\":")
            bytes.append(number: stamp.inode)
            bytes.append(",\"mode\":")
            bytes.append(number: stamp.mode)
            bytes.append(",\"modified\":")
            bytes.append(number: stamp.modified)
            bytes.append(",\"size\":")
            bytes.append(number: stamp.size)
            bytes.append("}},")
        }
        bytes.append("\"name\":")
        bytes.append(text: name.string)
        bytes.append("}\n")
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    fileprivate mutating func append(number: some FixedWidthInteger) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 40) { digits in
            var start = digits.count
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            append(contentsOf: digits[start...])
        }
    }

    fileprivate mutating func append(_ dot: Dot) {
        // Of letters that need no care.
        append("\"")
        append(contentsOf: dot.host.utf8)
        append("-")
        append(number: dot.number)
        append("\"")
    }

    fileprivate mutating func append(_ seen: (key: String, value: UInt64)) {
        append(text: seen.key)
        append(":")
        append(number: seen.value)
    }

    fileprivate mutating func append(_ content: FileContent) {
        append("\"content\":{")
        if let digest = content.digest {
            append("\"digest\":\"")
            append(contentsOf: digest.hex.utf8)
            append("\",")
        }
        switch content.kind {
        case .file: append("\"kind\":\"file\",\"mode\":")
        case .folder: append("\"kind\":\"folder\",\"mode\":")
        case .link: append("\"kind\":\"link\",\"mode\":")
        case .gone: append("\"kind\":\"gone\",\"mode\":")
        }
        append(number: content.mode)
        append(",\"size\":")
        append(number: content.size)
        if let target = content.target {
            append(",\"target\":")
            append(text: target)
        }
        append("}")
    }

    fileprivate mutating func append(text: String) {
        append("\"")
        var text = text
        text.withUTF8 { text in
            if !text.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
                append(contentsOf: text)
                return
            }
            for byte in text {
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): self += [UInt8(ascii: "\\"), byte]
                case 0..<0x20:
                    let digits = Array("0123456789abcdef".utf8)
                    self += "\\u00".utf8
                    self += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                default: append(byte)
                }
            }
        }
        append("\"")
    }
}
