/// A metro's own keys, and those of its inputs and lines.
extension Keys {
    static let metro = Keys(
        "metro", place: "a metro",
        [
            Key("metro", .name(.metro), "What the metro is called.", "metro: lambda-variants"),
            Key("about", .text, "What it does, in a sentence for people.", "about: Counts the words of each text."),
            comments,
            Key(
                "needs", .group(needs), "What the commands need besides the files: tools and what they depend on.",
                "needs: { debian: [bowtie2, samtools] }"),
            Key(
                "inputs", .named(.thing, inputValue), "The files that the metro starts from, each group with a name.",
                "inputs: { reads: reads/*.fq }"),
            Key(
                "workspaces",
                .either([
                    .list(of: .name(.thing)), .named(.thing, .either([.text, .list(of: .text), .group(workspace)])),
                ]),
                "Folders that stations share while the metro runs, each with a name, and what lies in them at first.",
                "workspaces: { panel: { files: refs/* } }"),
            Key(
                "lines", .named(.line, lineValue), "Lists of stations and of metros, each list with a name.",
                "lines: { main: [{ station: count, in: reads, command: \"wc -l {in}\", out: lines.txt }] }"),
            Key(
                "results", .texts,
                "The stations whose outputs are kept; without it those that no other station takes.",
                "results: [merge, call/*.vcf.gz]"),
            Key(
                "time", .time, "How long one task may take where its station says nothing else.", "time: 2 hours"),
            Key(
                "retry", .count(Key.retries),
                "How often a task that failed is tried again, for stations that say nothing.",
                "retry: 2"),
            Key(
                "network", .flag, "Whether the commands may use the machine's network, for stations that say nothing.",
                "network: yes"),
            Key("at", .text, "The label of the hosts that stations may run on which say nothing.", "at: big"),
            Key(
                "seed", .either([.flag, .count(0...999_999_999_999_999_999)]),
                "A seed for all commands that name {seed}; a number gives other ones.", "seed: 42"),
            Key("env", variables, "Variables of all commands.", "env: { LC_ALL: C }"),
        ], required: ["metro", "lines"])

    static let input = Keys(
        "input", place: "an input",
        [
            Key(
                "files", .texts, "Paths, patterns and addresses of the files, relative to the metro's folder.",
                "files: reads/*.fq"),
            Key(
                "image", .text, "A file, or pattern, that one of the needs brings.",
                "image: /usr/share/doc/bowtie2/examples/*.fq"),
            Key("text", .maybeEmptyText, "A text, which commands see as a file.", "text: the sea and the sky"),
            Key("unpack", .flag, "Whether the files are archives, and the files in them are meant.", "unpack: yes"),
            Key("valid", .group(valid), "What a file must be to be taken.", "valid: { extension: fq, larger_than: 0 }"),
            comments,
        ], later: ["metro", "workspace"], exclusive: [["files", "image", "text"]])

    static let valid = Keys(
        "valid", place: "“valid”",
        [
            Key("extension", .texts, "The ending of its name, one of these.", "extension: [fq, fastq]"),
            Key("name", .text, "A pattern for its name.", "name: s*_1.fq"),
            Key("matches", .text, "A regular expression for its name.", "matches: '^s[0-9]+'"),
            Key("larger_than", .size, "It has more bytes than this.", "larger_than: 0"),
            Key("smaller_than", .size, "It has fewer bytes than this.", "smaller_than: 500 MB"),
            Key("contains", .text, "A text that is in it.", "contains: '@'"),
            Key(
                "passes", .text, "A command that looks at each file in the run, and says yes by exit code 0.",
                "passes: \"grep -q '^>' {each}\""),
            Key(
                "otherwise", .words(["stop", "leave out"]), "What becomes of a file that is not valid.",
                "otherwise: stop"),
        ])

    /// What a station says of a workspace that it uses.
    static let workspaceUse = Keys(
        "workspaceUse", place: "a workspace of a station",
        [
            Key(
                "files", .texts,
                "Paths and patterns of those of its files that a task needs; other ones may not be there.",
                "files: refs/*.fa"),
            Key(
                "rest", .words(["when_opened"]),
                "All its other files are there, too, and come from another machine when the command opens them.",
                "rest: when_opened"),
            Key("access", .words(["read", "write"]), "“read” where the command only reads it.", "access: read"),
        ])

    static let workspace = Keys(
        "workspace", place: "a workspace",
        [
            Key(
                "files", .texts, "Paths and patterns of what lies in it at first, relative to the metro's folder.",
                "files: refs/*"),
            Key(
                "via", .words(["ssh", "ftp"] + SharedFolder.Way.allCases.map(\.rawValue)),
                "How its files get from one machine to another.", "via: ssh"),
            Key(
                "path", .text,
                "A folder that every machine of a run sees under this path, in place of sending files; with “via: ftp”, the address of one on an FTP server.",
                "path: /mnt/shared"),
            Key(
                "secret", .text,
                "With “via: ftp”: under which name “las secret” keeps the password of the user whom the address names.",
                "secret: FTP_PASSWORD"),
            Key(
                "keep", .flag, "Whether what lies in it stays with the run in LASH when that has ended well.",
                "keep: yes"),
            Key(
                "ahead", .flag,
                "Whether each host that uses it has all of its files, also where stations say which ones they need.",
                "ahead: yes"),
            Key(
                "limit", .size,
                "How much of it a host keeps, besides what its tasks need just then, where stations say which files they need, or “copies” how many machines hold each.",
                "limit: 20 GB"),
            Key(
                "copies", .count(Key.copies),
                "How many machines of a run hold each of its files, the one that leads the run among them.",
                "copies: 2"),
            Key(
                "on_collision", .words(["keep_both", "newest", "stop"]),
                "What becomes of a file that two machines write at once.", "on_collision: newest"),
            comments,
        ], mayBeEmpty: true)

    static let line = Keys(
        "line", place: "a line",
        [
            Key(
                "stations", .list(of: stop), "The stations and metros of the line, one after another.",
                "stations: [{ station: count, in: reads, command: \"wc -l {in}\", out: lines.txt }]"),
            Key("enabled", .flag, "Whether all of the line takes part.", "enabled: no"),
            comments,
        ], required: ["stations"])

    static let comments = Key("comments", .text, "Words for people.", "comments: Takes an hour on a laptop.")

    private static let inputValue = Key.Value.either([.text, .list(of: .text), .group(input)])
    private static let lineValue = Key.Value.either([.list(of: stop), .group(line)])
    static let stop = Key.Value.either([.group(station), .group(nested)])
    static let variables = Key.Value.named(.variable, .maybeEmptyText)
}
