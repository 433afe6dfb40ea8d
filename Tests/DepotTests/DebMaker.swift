import Files

/// Package files byte by byte, also such as no tool would make.
struct DebMaker {
    struct Item {
        enum Kind: String { case file = "0", hardLink = "1", link = "2", device = "3", folder = "5" }

        var name: String
        var kind = Kind.file
        var contents = ""
        var target = ""
        var mode = 0o644
    }

    var control = "Package: tool\nVersion: 1.0\nArchitecture: all\nDescription: a tool\n"
    var scripts: [Item] = []
    var data: [Item] = []

    var bytes: [UInt8] {
        let parts = [
            ("debian-binary", Array("2.0\n".utf8)),
            ("control.tar", Self.tar([Item(name: "./control", contents: control)] + scripts)),
            ("data.tar", Self.tar(data)),
        ]
        var bytes = Array("!<arch>\n".utf8)
        for (name, contents) in parts {
            let fields = [(name, 16), ("0", 12), ("0", 6), ("0", 6), ("100644", 8), (String(contents.count), 10)]
            for (text, width) in fields {
                bytes += Array(text.utf8) + Array(repeating: 32, count: width - text.utf8.count)
            }
            bytes += Array("`\n".utf8) + contents + (contents.count % 2 == 1 ? [10] : [])
        }
        return bytes
    }

    /// The ustar format (POSIX.1-1988).
    private static func tar(_ items: [Item]) -> [UInt8] {
        var bytes: [UInt8] = []
        for item in items {
            var header = [UInt8](repeating: 0, count: 512)
            func set(_ place: Int, _ text: String) {
                header.replaceSubrange(place..<(place + text.utf8.count), with: Array(text.utf8))
            }
            func octal(_ number: Int, _ width: Int) -> String {
                let digits = String(number, radix: 8)
                return String(repeating: "0", count: width - digits.count) + digits
            }
            set(0, item.name)
            set(100, octal(item.mode, 7))
            set(108, octal(0, 7))
            set(116, octal(0, 7))
            set(124, octal(item.contents.utf8.count, 11))
            set(136, octal(1_600_000_000, 11))
            set(148, "        ")
            set(156, item.kind.rawValue)
            set(157, item.target)
            set(257, "ustar")
            set(263, "00")
            set(148, octal(header.reduce(0) { $0 + Int($1) }, 6) + "\0 ")
            bytes += header + Array(item.contents.utf8)
            bytes += Array(repeating: 0, count: (512 - item.contents.utf8.count % 512) % 512)
        }
        return bytes + Array(repeating: 0, count: 1024)
    }
}
