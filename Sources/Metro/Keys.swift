/// The keys that may stand in one kind of group.
struct Keys {
    /// "a station": for messages.
    let place: String
    let known: [String]
    /// Keys of the metro language that this version of las does not know yet.
    let later: Set<String>

    static let metro = Keys(
        place: "a metro",
        known: ["metro", "about", "comments", "needs", "inputs", "lines", "results", "time", "env", "retry"],
        later: ["workspaces", "secrets", "network", "at", "seed"])
    static let needs = Keys(place: "“needs”", known: ["debian"], later: ["pip", "archive", "git", "host", "image"])
    static let input = Keys(
        place: "an input", known: ["files", "image", "text", "unpack", "valid", "comments"],
        later: ["metro", "workspace"])
    static let valid = Keys(
        place: "“valid”",
        known: [
            "extension", "name", "matches", "larger_than", "smaller_than", "contains", "passes", "otherwise",
        ], later: [])
    static let station = Keys(
        place: "a station",
        known: [
            "station", "in", "for_each", "repeat", "one_by_one", "feed", "until", "at_most", "command", "out", "makes",
            "uses", "time", "retry", "seed", "network", "env", "enabled", "comments", "needs",
        ], later: ["secrets", "workspaces", "at"])
    static let nested = Keys(
        place: "a metro on a line", known: ["metro", "as", "in", "enabled", "comments"], later: [])
    static let line = Keys(place: "a line", known: ["stations", "enabled", "comments"], later: [])
    static let until = Keys(
        place: "“until”",
        known: [
            "output_contains", "output_lacks", "file_exists", "unchanged", "value_in", "below", "above", "equals",
            "passes",
        ], later: [])
    static let uses = Keys(place: "“uses”", known: ["cpus", "memory", "gpus", "time"], later: ["disk"])

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
        "title": "metro",
    ]

    /// - Returns: the key that was probably meant.
    func synonym(of key: String) -> String? {
        let word = key.lowercased()
        if known.contains(word) { return word }
        if word == "name" || word == "alias", known.contains("as") { return "as" }
        if word == "name", known.contains("metro") { return "metro" }
        if word == "inputs" || word == "input", known.contains("inputs") { return "inputs" }
        return Self.synonyms[word].flatMap { known.contains($0) ? $0 : nil }
    }
}
