/// The keys that may stand in one kind of group.
struct Keys: Sendable {
    /// What the schema calls it: `station`.
    let name: String
    /// "a station": for messages.
    let place: String
    /// In the order in which a metro has them.
    let keys: [Key]
    /// Keys of the metro language that this version of las does not know yet.
    let later: Set<String>
    /// What must be there.
    let required: [String]
    /// Keys that mean something only beside one of others.
    let beside: [(key: String, oneOf: [String])]
    /// Keys of which at most one may be there.
    let exclusive: [[String]]
    /// A group without any key means something too.
    let mayBeEmpty: Bool
    /// The names of `keys`.
    let known: [String]

    init(
        _ name: String, place: String, _ keys: [Key], later: Set<String> = [], required: [String] = [],
        beside: [(key: String, oneOf: [String])] = [], exclusive: [[String]] = [], mayBeEmpty: Bool = false
    ) {
        (self.name, self.place, self.keys, self.later) = (name, place, keys, later)
        (self.required, self.beside, self.exclusive) = (required, beside, exclusive)
        self.mayBeEmpty = mayBeEmpty
        known = keys.map(\.name)
    }

    /// What other tools call it.
    private static let synonyms = [
        "input": "in", "inputs": "in", "takes": "in", "from": "in", "output": "out", "outputs": "out",
        "cmd": "command", "run": "command", "script": "command", "shell": "command", "exec": "command",
        "name": "station",
        "task": "station", "step": "station", "job": "station", "foreach": "for_each", "for-each": "for_each",
        "each": "for_each", "scatter": "for_each", "dependencies": "needs", "packages": "needs", "requires": "needs",
        "environment": "env", "variables": "env", "resources": "uses", "limits": "uses", "threads": "cpus",
        "cpu": "cpus",
        "cores": "cpus", "mem": "memory", "ram": "memory", "gpu": "gpus", "timeout": "time", "walltime": "time",
        "description": "about", "apt": "debian", "deb": "debian", "ubuntu": "debian", "path": "files", "file": "files",
        "glob": "files", "address": "files", "url": "files", "extract": "unpack", "unzip": "unpack", "untar": "unpack",
        "ext": "extension", "extensions": "extension", "regex": "matches", "check": "passes", "test": "passes",
        "pass": "passes",
        "stations": "lines", "stops": "stations",
        "steps": "lines", "comment": "comments", "times": "repeat", "turns": "repeat", "loop": "repeat",
        "iterations": "repeat",
        "sequential": "one_by_one", "while": "until", "max": "at_most", "limit": "at_most", "retries": "retry",
        "internet": "network", "random_seed": "seed", "contains": "output_contains", "lacks": "output_lacks",
        "exists": "file_exists", "value": "value_in", "less_than": "below", "more_than": "above", "disabled": "enabled",
        "title": "metro", "about": "comments", "note": "comments", "notes": "comments", "endings": "extension",
        "ending": "extension", "suffix": "extension", "type": "extension", "bigger_than": "larger_than",
        "biggerthan": "larger_than", "greater_than": "larger_than", "min_size": "larger_than",
        "max_size": "smaller_than", "workflow": "lines", "pipeline": "lines", "process": "lines", "jobs": "lines",
        "rules": "lines", "tasks": "lines", "stages": "lines", "line": "lines", "result": "results",
        "publish": "results", "workspace": "workspaces", "volume": "workspaces", "volumes": "workspaces",
        "mounts": "workspaces", "shared": "workspaces",
    ]

    /// Whether some group has such a key.
    static func isKnown(_ key: String) -> Bool {
        [
            metro, needs, debian, pip, archive, git, input, valid, workspace, workspaceUse, station, nested, line,
            until, uses,
        ].contains {
            $0.known.contains(key)
        }
    }

    /// How such a group is written.
    var form: String {
        switch place {
        case Self.valid.place: "write what must hold: “valid: { extension: fq, larger_than: 0 }”"
        case Self.uses.place: "write “uses: { cpus: 2, memory: 2 GB }”"
        case Self.workspace.place: "write “panel: { files: refs/* }”, or “panel: {}” for one that begins empty"
        case Self.workspaceUse.place: "write “panel: read”, or “panel: { files: refs/*, access: read }”"
        case Self.needs.place: "write “needs: { debian: [samtools] }”"
        case Self.station.place:
            "write “- station: NAME”, and below it, in the same column as “station”, its other keys"
        case Self.metro.place: "a metro begins with “metro: NAME”, then “lines:”; las new writes an example"
        default: "write “\(known[0]): …”, and each further key on a line of its own in the same column"
        }
    }

    /// Where a key belongs that is none of this group.
    func elsewhere(_ key: String) -> String? {
        let word = key.lowercased()
        func has(_ keys: Keys) -> String? {
            keys.known.contains(word) ? word : Self.synonyms[word].flatMap { keys.known.contains($0) ? $0 : nil }
        }
        switch place {
        case Self.station.place:
            if let key = has(Self.uses) { return "“\(key)” stands below “uses”: “uses: { \(key): … }”" }
            if Self.containers.contains(word) {
                return "what a command needs is named, and las brings it: “needs: { debian: [samtools] }”"
            }
            if word == "results" { return "“results” stands at the left edge, beside “lines”: “results: [STATION]”" }
            if word == "if" || word == "when" { return "there are no conditions; “enabled: no” leaves a station out" }
        case Self.input.place:
            if let key = has(Self.valid) { return "“\(key)” stands below “valid”: “valid: { \(key): … }”" }
        case Self.metro.place:
            if has(Self.uses) != nil { return "it stands in a station: “uses: { cpus: 2, memory: 2 GB }”" }
            if Self.containers.contains(word) {
                return "what commands need is named, and las brings it: “needs: { debian: [samtools] }”"
            }
        default: break
        }
        return nil
    }

    private static let containers: Set<String> = [
        "docker", "container", "image", "conda", "singularity", "apptainer", "runtime", "module", "modules",
    ]

    /// Words for the keys of what is built, which mean other things elsewhere.
    private static let synonymsOfBuilds = [
        "url": ["address", "repository"], "uri": ["address", "repository"], "link": ["address", "repository"],
        "address": ["repository"], "repository": ["address"], "repo": ["repository"], "branch": ["commit"],
        "tag": ["commit"], "ref": ["commit"], "revision": ["commit"], "rev": ["commit"], "version": ["commit"],
        "to": ["into"], "prefix": ["into"], "path": ["into"], "digest": ["sha256"], "checksum": ["sha256"],
        "hash": ["sha256"], "command": ["build"], "commands": ["build"], "run": ["build"], "install": ["build"],
        "only": ["keep"], "files": ["keep"],
    ]

    /// - Returns: the key that was probably meant.
    func synonym(of key: String) -> String? {
        let word = key.lowercased()
        if known.contains(word) { return word }
        func bare(_ word: String) -> String { word.filter { !"_- ".contains($0) } }
        if let same = known.first(where: { bare($0) == bare(word) }) { return same }
        if known.contains("smaller_than"), word == "less_than" || word == "max" { return "smaller_than" }
        if known.contains("larger_than"), word == "more_than" || word == "min" { return "larger_than" }
        if word == "name" || word == "alias", known.contains("as") { return "as" }
        if let meant = Self.synonymsOfBuilds[word]?.first(where: known.contains) { return meant }
        if word == "name", known.contains("metro") { return "metro" }
        if word == "inputs" || word == "input", known.contains("inputs") { return "inputs" }
        return Self.synonyms[word].flatMap { known.contains($0) ? $0 : nil }
    }
}
