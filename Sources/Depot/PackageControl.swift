/// What las reads of a package's control file.
struct PackageControl: Sendable {
    /// The paragraph as it was, without an empty line at the end.
    let text: [UInt8]
    let name: String
    let version: String
    let architecture: String
    let isMultiArchSame: Bool
    /// Names of packages some of whose files this one brings instead.
    let replaces: [String]

    init(_ text: [UInt8], place: String) throws(DepotFailure) {
        let paragraphs = try ControlText.paragraphs(of: text, place: place)
        guard paragraphs.count == 1, let fields = paragraphs.first, let name = fields["Package"],
            PackageName.isValid(name),
            let version = fields["Version"], PackageName.isVersion(version), let architecture = fields["Architecture"],
            PackageName.isValid(architecture)
        else { throw DebFile.hostile(place, "its control file has no valid name, version and architecture") }
        (self.name, self.version, self.architecture) = (name, version, architecture)
        isMultiArchSame = fields["Multi-Arch"] == "same"
        replaces = (fields["Replaces"] ?? "").split(separator: ",").map { dependency in
            String(
                dependency.drop(while: \.isWhitespace).prefix { PackageName.isValid(String($0)) || "+-.".contains($0) })
        }
        var text = text
        while text.last == UInt8(ascii: "\n") { text.removeLast() }
        self.text = text + [UInt8(ascii: "\n")]
    }

    /// How dpkg names it where several architectures may be installed side by side, and its files in `info`.
    var label: String { isMultiArchSame ? "\(name):\(architecture)" : name }
}
