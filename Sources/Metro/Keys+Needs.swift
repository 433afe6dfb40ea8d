/// The keys of what environments are made of.
extension Keys {
    static let needs = Keys(
        "needs", place: "“needs”",
        [
            Key(
                "debian", .either([.text, .list(of: .text), .group(debian)]),
                "Packages of Debian or Ubuntu, by their names, with all that they depend on.",
                "debian: [bowtie2, samtools]"),
            Key(
                "pip", .either([.text, .list(of: .text), .group(pip)]),
                "Packages of Python's index, as pip takes them, with all that they depend on.",
                "pip: [pandas==2.*, \"requests>=2\"]"),
            Key(
                "archive", .either([.group(archive), .list(of: .group(archive))]),
                "An archive that is fetched, and what builds something of it; a list of several.",
                "archive: { address: \"https://example.org/tool-1.2.tar.gz\", needs: [gcc, make], build: make install }"
            ),
            Key(
                "git", .either([.group(git), .list(of: .group(git))]),
                "A commit of a git repository, and what builds something of it; a list of several.",
                "git: { repository: \"https://example.org/tool.git\", commit: v1.2, build: cp tool /usr/local/bin/ }"),
            Key(
                "host", .texts, "Programs of the machine where the metro is packed, with their shared libraries.",
                "host: [xz]"),
            Key(
                "slim", .flag,
                "Whether documentation, manual pages, translations, headers and caches are left out of the image: yes, if nothing is said.",
                "slim: no"),
        ], later: ["image"])

    static let debian = Keys(
        "debian", place: "“debian”",
        [
            Key(
                "packages", .texts, "Names of packages, with their versions where those matter.",
                "packages: [samtools>=1.16]"),
            Key(
                "recommends", .flag, "Whether what packages recommend comes along too; else only what they depend on.",
                "recommends: yes"),
        ], required: ["packages"])

    static let pip = Keys(
        "pip", place: "“pip”",
        [
            Key("packages", .texts, "Names of packages, with their versions where those matter.", "packages: six"),
            Key(
                "requirements", .text, "A file of the metro's folder that names packages, one on each line.",
                "requirements: requirements.txt"),
            Key(
                "needs", .texts,
                "Packages of Debian that are there while packages without a wheel are built, and not later.",
                "needs: [gcc, python3-dev]"),
        ])

    static let archive = Keys(
        "archive", place: "“archive”",
        [
            Key(
                "address", .text, "Where it is fetched from.", "address: \"https://example.org/tool-1.2.tar.gz\""),
            Key(
                "sha256", .text, "What its digest must be; without it the lock keeps what was there first.",
                "sha256: \"\(String(repeating: "a1", count: 32))\""),
        ] + building, required: ["address"], beside: [("needs", oneOf: ["build"])], exclusive: [["build", "into"]])

    static let git = Keys(
        "git", place: "“git”",
        [
            Key(
                "repository", .text, "Where it is fetched from.", "repository: \"https://example.org/tool.git\""),
            Key("commit", .text, "A commit, or a tag or branch whose commit the lock then keeps.", "commit: v1.2"),
        ] + building, required: ["repository"], beside: [("needs", oneOf: ["build"])], exclusive: [["build", "into"]])

    private static let building = [
        Key(
            "build", .text, "Commands that build it and install it below /usr/local; bash reads them.",
            "build: make install"),
        Key(
            "needs", .texts, "Packages of Debian that are there while it is built, and not later.", "needs: [gcc, make]"
        ),
        Key("into", .text, "The folder of /usr/local for its files, where nothing is built.", "into: bin"),
        Key("keep", .texts, "Patterns for what stays of /usr/local, of all that was installed.", "keep: [bin/tool]"),
    ]
}
