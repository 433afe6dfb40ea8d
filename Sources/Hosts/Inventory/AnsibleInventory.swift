internal import Failures

/// An inventory of Ansible in its INI form: hosts with their variables, groups, groups of groups, ranges in names.
///
/// Only what says how a host is reached is taken. Groups become labels.
struct AnsibleInventory {
    struct Entry {
        let name: String
        let address: String
        let identity: String?
        /// With those that hold its groups; without `all` and `ungrouped`.
        let groups: Set<String>
    }

    private(set) var entries: [Entry] = []
    private(set) var notes: [String] = []

    private var order: [String] = []
    private var variables: [String: [String: String]] = [:]
    private var groups: [String: Set<String>] = [:]
    private var groupVariables: [String: [String: String]] = [:]
    /// The groups that hold a group.
    private var parents: [String: Set<String>] = [:]
    private static let mostHosts = 10_000

    init(_ text: String, at path: String) throws(HostFailure) {
        var section = (name: "ungrouped", kind: Substring(""))
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let place = "\(path):\(index + 1)"
            let line = (line.last == "\r" ? line.dropLast() : line).drop { $0 == " " || $0 == "\t" }
            guard let first = line.first, first != "#", first != ";" else { continue }
            if line.hasPrefix("---") || (!line.hasPrefix("[") && (line.contains(": ") || line.hasSuffix(":"))) {
                throw .usage(
                    "this inventory is YAML, and las reads Ansible's INI form", at: place,
                    fix: "write a line for each host: NAME ansible_host=ADDRESS ansible_user=USER")
            }
            if first == "[", let end = line.firstIndex(of: "]") {
                let words = line[line.index(after: line.startIndex)..<end].split(separator: ":", maxSplits: 1)
                guard let name = words.first else { throw .usage("a group without a name", at: place) }
                section = (String(name), words.count > 1 ? words[1] : "")
                continue
            }
            switch section.kind {
            case "children":
                parents[String(line.prefix { !$0.isWhitespace }), default: []].insert(section.name)
            case "vars":
                let (key, value) = Self.pair(line)
                groupVariables[section.name, default: [:]][key] = value
            case "": try add(line, to: section.name, place)
            default: throw .usage("a group can't have “:\(Shown.whole(String(section.kind)))”", at: place)
            }
        }
        entries = order.map(entry)
    }

    private mutating func add(_ line: Substring, to group: String, _ place: String) throws(HostFailure) {
        var words = OpenSSHHosts.words(of: line)
        guard !words.isEmpty else { return }
        let names = Self.names(words.removeFirst())
        guard order.count + names.count <= Self.mostHosts else {
            throw .usage("there are more than \(Self.mostHosts) hosts", at: place)
        }
        for name in names {
            if variables[name] == nil {
                order.append(name)
                variables[name] = [:]
            }
            for word in words {
                let (key, value) = Self.pair(word[...])
                variables[name]?[key] = value
            }
            groups[name, default: []].insert(group)
        }
    }

    private static func pair(_ text: Substring) -> (String, String) {
        let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        func trimmed(_ text: Substring) -> Substring {
            var text = text.drop { $0.isWhitespace }
            while text.last?.isWhitespace == true { text.removeLast() }
            for quote: Character in ["\"", "'"] where text.count >= 2 && text.first == quote && text.last == quote {
                return text.dropFirst().dropLast()
            }
            return text
        }
        return (String(trimmed(halves[0])), halves.count > 1 ? String(trimmed(halves[1])) : "")
    }

    private func entry(_ name: String) -> Entry {
        var all: Set<String> = []
        /// The nearest first: a group's variables come before those of the groups that hold it.
        var layers: [[String: String]] = [variables[name] ?? [:]]
        var level = groups[name] ?? []
        while !level.isEmpty {
            layers += level.sorted().compactMap { groupVariables[$0] }
            all.formUnion(level)
            level = Set(level.flatMap { parents[$0] ?? [] }).subtracting(all)
        }
        if let everywhere = groupVariables["all"] { layers.append(everywhere) }
        func value(_ keys: String...) -> String? {
            for layer in layers { for key in keys { if let value = layer[key], !value.isEmpty { return value } } }
            return nil
        }
        let host = value("ansible_host", "ansible_ssh_host") ?? name
        let user = value("ansible_user", "ansible_ssh_user").map { $0 + "@" } ?? ""
        let port = value("ansible_port", "ansible_ssh_port").map { ":" + $0 } ?? ""
        return Entry(
            name: name, address: user + (host.contains(":") ? "[\(host)]" : host) + port,
            identity: value("ansible_ssh_private_key_file", "ansible_private_key_file"),
            groups: all.subtracting(["all", "ungrouped"]))
    }

    /// `web[01:50:2].example.org` and `db-[a:f]` are many.
    static func names(_ text: String) -> [String] {
        guard let open = text.firstIndex(of: "["), let close = text[open...].firstIndex(of: "]") else { return [text] }
        let words = text[text.index(after: open)..<close].split(separator: ":")
        let (before, after) = (text[..<open], names(String(text[text.index(after: close)...])))
        var middle: [String] = []
        let step = words.count > 2 ? Int(words[2]) ?? 1 : 1
        guard words.count >= 2, step > 0 else { return [text] }
        if let first = Int(words[0]), let last = Int(words[1]), first <= last, last - first < mostHosts {
            middle = stride(from: first, through: last, by: step).map { number in
                let digits = String(number)
                return String(repeating: "0", count: max(0, words[0].count - digits.count)) + digits
            }
        } else if let first = words[0].utf8.first, let last = words[1].utf8.first, words[0].utf8.count == 1,
            first <= last
        {
            middle = stride(from: first, through: last, by: step).map { String(UnicodeScalar($0)) }
        } else {
            return [text]
        }
        return middle.flatMap { middle in after.map { before + middle + $0 } }
    }
}
