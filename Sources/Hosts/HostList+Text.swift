internal import Failures

/// The text of `hosts.yml`, written in one way and read strictly.
extension HostList {
    var text: String {
        var lines = preamble.map { "#" + $0 }
        lines.append(hosts.isEmpty ? "hosts: {}" : "hosts:")
        for host in hosts {
            lines += host.comments.map { "  #" + $0 }
            lines.append("  \(host.name):")
            if let address = host.address { lines.append("    address: " + Self.scalar(address.description)) }
            if let identity = host.identity { lines.append("    identity: " + Self.scalar(identity)) }
            if let lash = host.lash { lines.append("    lash: " + Self.scalar(lash)) }
            if !host.labels.isEmpty { lines.append("    labels: [\(host.labels.joined(separator: ", "))]") }
            if host.isDrained { lines.append("    drained: yes") }
            if host.program != .auto { lines.append("    ssh: " + host.program.rawValue) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// - Parameter path: for the place of an error.
    init(parsing bytes: [UInt8], from path: String) throws(HostFailure) {
        self.init()
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .usage("the host list is not UTF-8 text", at: path)
        }
        var comments: [String] = []
        var entry: Entry?
        var hasHead = false
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let place = "\(path):\(index + 1)"
            func refuse(_ what: String) -> HostFailure {
                .usage(what, at: place, fix: "docs/hosts.md shows the file's shape; `las host add` writes it")
            }
            let line = line.hasSuffix("\r") ? line.dropLast() : line
            let words = line.drop { $0 == " " }
            if words.isEmpty { continue }
            if words.first == "#" {
                if hasHead {
                    comments.append(String(words.dropFirst()))
                } else {
                    preamble.append(String(words.dropFirst()))
                }
                continue
            }
            let indent = line.count - words.count
            guard !words.contains("\t") else { throw refuse("a tab, where YAML takes spaces only") }
            guard let colon = words.firstIndex(of: ":") else { throw refuse("“key: value” is expected") }
            let key = words[..<colon]
            let value = words[words.index(after: colon)...].drop { $0 == " " }
            guard value.isEmpty || words[words.index(after: colon)] == " " else {
                throw refuse("a space is missing after “:”")
            }
            switch indent {
            case 0:
                guard key == "hosts", !hasHead else { throw refuse("only “hosts:” is expected here") }
                guard value.isEmpty || value == "{}" else { throw refuse("the hosts come in lines of their own") }
                hasHead = true
            case 2 where hasHead:
                if let entry { try finish(entry) }
                guard value.isEmpty else { throw refuse("a host's address goes into a line of its own") }
                guard self[String(key)] == nil, entry?.name != String(key) else {
                    throw refuse("“\(Shown.whole(String(key)))” comes twice")
                }
                entry = Entry(name: String(key), place: place, comments: comments)
                comments = []
            case 4 where entry != nil:
                guard let text = key == "labels" ? String(value) : Self.value(of: value) else {
                    throw refuse("this value can't be read")
                }
                guard Entry.keys.contains(String(key)) else {
                    throw refuse(
                        "a host has no “\(Shown.whole(String(key)))”, but \(Entry.keys.joined(separator: ", "))")
                }
                guard entry?.values.updateValue(text, forKey: String(key)) == nil else {
                    throw refuse("“\(key)” comes twice")
                }
            default: throw refuse("this line stands too far left or right")
            }
        }
        if let entry { try finish(entry) }
    }

    private struct Entry {
        static let keys = ["address", "drained", "identity", "labels", "lash", "ssh"]
        let name: String
        let place: String
        let comments: [String]
        var values: [String: String] = [:]
    }

    private mutating func finish(_ entry: Entry) throws(HostFailure) {
        do throws(HostFailure) {
            guard let address = entry.values["address"] else {
                throw HostFailure.usage("the host “\(Shown.whole(entry.name))” has no address")
            }
            var program = Host.Program.auto
            if let word = entry.values["ssh"] {
                guard let known = Host.Program(rawValue: word) else {
                    let words = Host.Program.allCases.map(\.rawValue).joined(separator: ", ")
                    throw HostFailure.usage("“ssh” is one of \(words)")
                }
                program = known
            }
            var host = try Host(
                named: entry.name, address: HostAddress(address), identity: entry.values["identity"],
                lash: entry.values["lash"], program: program)
            if let labels = entry.values["labels"] { host.labels = try Self.labels(labels) }
            if let word = entry.values["drained"] {
                guard word == "yes" || word == "no" else { throw HostFailure.usage("“drained” is yes or no") }
                host.isDrained = word == "yes"
            }
            host.comments = entry.comments
            put(host)
        } catch {
            var failure = error
            failure.place = entry.place
            throw failure
        }
    }

    /// `[big, gpu]`, or one word.
    private static func labels(_ text: String) throws(HostFailure) -> [String] {
        var text = text[...]
        if let comment = text.firstRange(of: " #") { text = text[..<comment.lowerBound] }
        while text.last == " " { text.removeLast() }
        if text.first == "[", text.last == "]" { text = text.dropFirst().dropLast() }
        let labels = text.split(separator: ",").map {
            String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        for label in labels where !Host.isLabel(label) {
            throw .usage("“\(Shown.whole(label))” can't be a label", fix: "labels: [big, gpu]")
        }
        return Set(labels).sorted()
    }

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first else { return false }
        let special = Array("-?:,[]{}#&*!|>'\"%@`~ ".utf8)
        return !special.contains(first) && !text.hasSuffix(" ") && !text.contains(": ") && !text.contains(" #")
            && !text.hasSuffix(":") && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }

    /// As it stands where YAML reads it as this text, else in double quotes.
    private static func scalar(_ text: String) -> String {
        if isPlain(text) { return text }
        var quoted = "\""
        for character in text {
            if character == "\"" || character == "\\" { quoted.append("\\") }
            quoted.append(character)
        }
        return quoted + "\""
    }

    /// - Returns: nil for what is not one plain or quoted scalar.
    private static func value(of text: Substring) -> String? {
        var rest = text
        guard let quote = rest.first, quote == "\"" || quote == "'" else {
            var plain = rest
            if let comment = rest.firstRange(of: " #") { plain = rest[..<comment.lowerBound] }
            while plain.last == " " { plain.removeLast() }
            return isPlain(String(plain)) ? String(plain) : nil
        }
        rest.removeFirst()
        var value = ""
        while let character = rest.popFirst() {
            if character == quote {
                if quote == "'", rest.first == "'" {
                    rest.removeFirst()
                    value.append("'")
                    continue
                }
                let after = rest.drop { $0 == " " }
                return after.isEmpty || (after.first == "#" && rest.first == " ") ? value : nil
            }
            if quote == "\"", character == "\\" {
                guard let escaped = rest.popFirst(), escaped == "\"" || escaped == "\\" || escaped == "/" else {
                    return nil
                }
                value.append(escaped)
            } else {
                value.append(character)
            }
        }
        return nil
    }
}
