/// The keys of what stands on a line.
extension Keys {
    static let station = Keys(
        "station", place: "a station",
        [
            Key("station", .name(.thing), "What the station is called.", "station: align"),
            Key("for_each", .texts, "The command runs once for each of these.", "for_each: reads"),
            Key(
                "in", .texts,
                "What it takes whole: inputs, stations, or some of what a station made; by default what the station before it made.",
                "in: [index, call/*.vcf.gz]"),
            Key(
                "workspaces",
                .either([
                    .text, .list(of: .text),
                    .named(.thing, .either([.words(["read", "write"]), .group(workspaceUse)])),
                ]),
                "The workspaces that the command uses, each to be found at its name in braces; “read” for one that it only reads, “files” for what it needs of it.",
                "workspaces: { panel: read }"),
            Key("repeat", .count(Key.turns), "How many times the command runs for each item.", "repeat: 10"),
            Key("one_by_one", .flag, "Whether each turn waits for the one before it.", "one_by_one: yes"),
            Key(
                "feed", .text, "What each turn's first output takes the place of in the next turn.", "feed: reference"),
            Key(
                "until",
                .either([
                    .words(["unchanged"]), .group(until), .list(of: .either([.words(["unchanged"]), .group(until)])),
                ]),
                "What must hold after a turn for it to be the last.", "until: { value_in: loss.txt, below: 0.1 }"),
            Key("at_most", .count(Key.turns), "How many turns there may be before the station fails.", "at_most: 100"),
            Key(
                "seed", .either([.flag, .count(0...999_999_999_999_999_999)]),
                "Whether the command gets a {seed} for random generators; a number gives other ones.", "seed: 42"),
            Key(
                "command", .text,
                "What runs, with placeholders such as {in}, {each} and {out} for files; bash reads it.",
                "command: \"sort {in} > {out}\""),
            Key("out", .texts, "What it makes: a file, a list of files, or a folder.", "out: sorted.txt"),
            Key("makes", .texts, "The kind of each output, an ending without its dot.", "makes: txt"),
            Key("uses", .group(uses), "What one task takes of its machine.", "uses: { cpus: 2, memory: 2 GB }"),
            Key("time", .time, "How long one task may take.", "time: 2 hours"),
            Key("retry", .count(Key.retries), "How often a task that failed is tried again.", "retry: 2"),
            Key("network", .flag, "Whether the command may use the machine's network.", "network: yes"),
            Key(
                "writable", .flag,
                "Whether the command may change its environment; what it changes there is thrown away.", "writable: yes"
            ),
            Key(
                "keep", .flag, "Whether what it makes stays with the run when nothing needs it any more.", "keep: yes"),
            Key("at", .text, "The label of the hosts that it may run on.", "at: big"),
            Key("env", variables, "Variables of the command.", "env: { LC_ALL: C }"),
            Key(
                "secrets", .texts,
                "Passwords and tokens that the command finds in variables of their names; “las secret set NAME” keeps them.",
                "secrets: [API_TOKEN]"),
            Key(
                "needs", .group(needs), "An environment of its own in the place of the metro's.",
                "needs: { debian: samtools }"),
            Key("enabled", .flag, "Whether the station takes part.", "enabled: no"),
            comments,
        ], required: ["station", "command", "out"],
        beside: [
            ("one_by_one", oneOf: ["repeat", "until"]), ("feed", oneOf: ["repeat", "until"]),
            ("until", oneOf: ["at_most"]), ("at_most", oneOf: ["until"]),
        ], exclusive: [["repeat", "until"]])

    static let until = Keys(
        "until", place: "“until”",
        [
            Key("output_contains", .texts, "The first output has this text in it.", "output_contains: done"),
            Key("output_lacks", .texts, "The first output has not.", "output_lacks: error"),
            Key("file_exists", .texts, "The command left such a file in its work folder.", "file_exists: finished"),
            Key("unchanged", .flag, "The first output is as in the turn before.", "unchanged: yes"),
            Key("value_in", .text, "A file of the work folder that holds a number.", "value_in: loss.txt"),
            Key("below", .number, "The number is below this one.", "below: 0.1"),
            Key("above", .number, "The number is above this one.", "above: 0.9"),
            Key("equals", .number, "The number is this one.", "equals: 0"),
            Key(
                "passes", .text, "A command that is run after the station's own, and says yes by exit code 0.",
                "passes: \"test -s {out}\""),
        ],
        beside: [
            ("value_in", oneOf: ["below", "above", "equals"]), ("below", oneOf: ["value_in"]),
            ("above", oneOf: ["value_in"]), ("equals", oneOf: ["value_in"]),
        ])

    static let uses = Keys(
        "uses", place: "“uses”",
        [
            Key("cpus", .count(Key.cpus), "How many processors.", "cpus: 2"),
            Key("memory", .size, "How much memory.", "memory: 2 GB"),
            Key("gpus", .count(Key.gpus), "How many graphics processors.", "gpus: 1"),
            Key("time", .time, "How long it may take.", "time: 2 hours"),
        ], later: ["disk"])

    static let nested = Keys(
        "nested", place: "a metro on a line",
        [
            Key("metro", .text, "The other metro's file or folder, relative to this one.", "metro: ../quality"),
            Key("as", .name(.thing), "What it is called here; by default by its own name.", "as: qc"),
            Key(
                "in", .either([.text, .named(.thing, .text)]),
                "What is given to its inputs, each by its name; by default what the station before it made.",
                "in: { samples: reads }"),
            Key("enabled", .flag, "Whether it takes part.", "enabled: no"),
            comments,
        ], required: ["metro"])
}
