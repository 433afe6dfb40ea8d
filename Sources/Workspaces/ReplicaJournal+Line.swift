internal import Digests
internal import Files

/// A line as JSON, written at once: the same as any encoder would write, with sorted keys.
extension ReplicaJournal.Line {
    func write(into bytes: inout [UInt8]) {
        bytes += "{".utf8
        if let entry {
            bytes += "\"entry\":{\"seen\":{".utf8
            for (number, (host, last)) in entry.seen.numbers.sorted(by: { $0.key < $1.key }).enumerated() {
                if number > 0 { bytes += ",".utf8 }
                bytes.append(text: host)
                bytes += ":\(last)".utf8
            }
            bytes += "},\"versions\":[".utf8
            for (number, version) in entry.versions.enumerated() {
                bytes += (number > 0 ? ",{" : "{").utf8
                bytes.append(version.content)
                bytes +=
                    ",\"dot\":\"\(version.dot)\",\"height\":\(version.height),\"modified\":\(version.modified)}".utf8
            }
            bytes += "]},".utf8
        }
        if let lying {
            bytes += "\"lying\":{".utf8
            bytes.append(lying.content)
            bytes += ",\"dot\":\"\(lying.dot)\",\"name\":".utf8
            bytes.append(text: lying.name.string)
            let stamp = lying.stamp
            bytes += ",\"stamp\":{\"inode\":\(stamp.inode),\"mode\":\(stamp.mode),\"modified\":\(stamp.modified),".utf8
            bytes += "\"size\":\(stamp.size)}},".utf8
        }
        bytes += "\"name\":".utf8
        bytes.append(text: name.string)
        bytes += "}\n".utf8
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ content: FileContent) {
        self += "\"content\":{".utf8
        if let digest = content.digest { self += "\"digest\":\"\(digest.hex)\",".utf8 }
        self += "\"kind\":\"\(content.kind.rawValue)\",\"mode\":\(content.mode),\"size\":\(content.size)".utf8
        if let target = content.target {
            self += ",\"target\":".utf8
            append(text: target)
        }
        self += "}".utf8
    }

    fileprivate mutating func append(text: String) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): self += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                self += "\\u00".utf8
                self += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}
