/// The keys of what environments are made of.
extension Keys {
    static let needs = Keys(
        "needs", place: "“needs”",
        [
            Key(
                "debian", .texts, "Packages of Debian or Ubuntu, by their names, with all that they depend on.",
                "debian: [bowtie2, samtools]"),
            Key(
                "pip", .either([.text, .list(of: .text), .group(pip)]),
                "Packages of Python's index, as pip takes them, with all that they depend on.",
                "pip: [pandas==2.*, \"requests>=2\"]"),
        ], later: ["archive", "git", "host", "image"])

    static let pip = Keys(
        "pip", place: "“pip”",
        [
            Key("packages", .texts, "Names of packages, with their versions where those matter.", "packages: six"),
            Key(
                "requirements", .text, "A file of the metro's folder that names packages, one on each line.",
                "requirements: requirements.txt"),
        ])
}
