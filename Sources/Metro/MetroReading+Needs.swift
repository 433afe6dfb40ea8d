internal import Failures
internal import Files

/// What an environment is made of.
extension MetroReading {
    mutating func needs(_ node: YAMLNode) -> Needs {
        guard let members = members(of: node, Keys.needs) else { return Needs() }
        var needs = Needs()
        if let node = members["debian"] { debian(node, &needs) }
        needs.pip = members["pip"].flatMap { pip($0) }
        needs.builds = members["archive"].map { builds($0, Keys.archive) } ?? []
        needs.builds += members["git"].map { builds($0, Keys.git) } ?? []
        needs.isSlim = members["slim"].flatMap { flag($0, of: "slim") } ?? true
        for program in members["host"].map({ texts($0, of: "host") }) ?? [] {
            let isName =
                program.value.utf8.allSatisfy { 0x20 < $0 && $0 < 0x7F && !"/:\\\"'$`".utf8.contains($0) }
                && !program.value.hasPrefix("-") && !program.value.hasPrefix(".") && program.value.utf8.count <= 100
            if isName {
                needs.host = Array(Set(needs.host + [program.value])).sorted()
            } else {
                diagnostics.add(
                    "“\(Shown.text(program.value))” can't be the name of a program", at: program.position,
                    fix: "write what is typed to start it: “host: [xz]”")
            }
        }
        return needs
    }

    // MARK: Debian

    mutating func debian(_ node: YAMLNode, of key: String) -> [String] {
        texts(node, of: key).compactMap { package in
            if DebianRequest(package.value) != nil { return package.value }
            diagnostics.add(
                "“\(Shown.text(package.value))” can't be the name of a Debian package", at: package.position,
                fix: "names have lower-case letters, digits, “+”, “-” and “.”, one name for each entry of the list"
                    + (!package.value.utf8.contains(0x20) && package.value.utf8.contains { "<>=/".utf8.contains($0) }
                        ? "; versions are written samtools=1.16*, samtools>=1.16, a suite samtools/SUITE" : ""))
            return nil
        }
    }

    /// A list of packages, or `{ packages: [a, b], recommends: yes }`.
    private mutating func debian(_ node: YAMLNode, _ needs: inout Needs) {
        guard case .map = node.content, !isBareBrace(node) else {
            needs.debian = Needs(debian: debian(node, of: "debian")).debian
            return
        }
        guard let members = members(of: node, Keys.debian) else { return }
        needs.debian = Needs(debian: members["packages"].map { debian($0, of: "packages") } ?? []).debian
        needs.recommends = members["recommends"].flatMap { flag($0, of: "recommends") } ?? false
    }

    // MARK: pip

    /// A list of packages, or `{ packages: …, requirements: FILE, needs: … }`.
    private mutating func pip(_ node: YAMLNode) -> PipNeeds? {
        guard case .map = node.content, !isBareBrace(node) else {
            let packages = texts(node, of: "pip").compactMap { requirement($0) }
            return packages.isEmpty ? nil : PipNeeds(packages: packages)
        }
        guard let members = members(of: node, Keys.pip) else { return nil }
        var packages = members["packages"].map { texts($0, of: "packages").compactMap { requirement($0) } } ?? []
        if let file = members["requirements"].flatMap({ text($0, of: "requirements") }) {
            packages += requirements(file)
        }
        let tools = members["needs"].map { debian($0, of: "needs") } ?? []
        return packages.isEmpty ? nil : PipNeeds(packages: packages, tools: tools)
    }

    private mutating func requirement(_ text: SourceText) -> String? {
        if let requirement = PipRequirement(text.value) { return requirement.text }
        diagnostics.add(
            "“\(Shown.text(text.value))” is no package as pip takes it", at: text.position, fix: Self.requirementForm)
        return nil
    }

    private static let requirementForm =
        "write a name, “pandas”, or a name and its versions, “pandas==2.*”, “requests>=2,<3”, one for each entry"

    /// The packages of a requirements file of the metro's folder.
    private mutating func requirements(_ file: SourceText) -> [String] {
        guard let path = RelativePath(file.value) else {
            diagnostics.add(
                "“\(Shown.text(file.value))” leaves the metro's folder", at: file.position,
                fix: "copy the file into the folder of the metro, and name it there")
            return []
        }
        let place = folder + "/" + path.string
        let text: [UInt8]
        do {
            if let real = File.real(place), let home = File.real(folder), !real.begins(with: home + "/") {
                diagnostics.add(
                    "“\(Shown.text(file.value))” is a link that leaves the metro's folder", at: file.position,
                    fix: "copy the file into the folder of the metro")
                return []
            }
            text = try File.read(place, atMost: 1 << 22)
        } catch {
            diagnostics.add(
                "the file of requirements can't be read: \(error)", at: file.position,
                fix: "write it beside the metro, a package on each line: pandas==2.*")
            return []
        }
        var packages: [String] = []
        for (number, line) in Self.lines(of: text) {
            if let requirement = PipRequirement(line) {
                packages.append(requirement.text)
                continue
            }
            let isOption = line.hasPrefix("-")
            diagnostics.add(
                "line \(number) of \(Shown.text(path.string)) is “\(Shown.text(line))”, "
                    + (isOption ? "and las follows no options there" : "which is no package as pip takes it"),
                at: file.position,
                fix: isOption
                    ? "write the packages themselves; which index they come from is pip's own configuration"
                    : Self.requirementForm)
        }
        if packages.isEmpty, diagnostics.isEmpty {
            diagnostics.add(
                "\(Shown.text(path.string)) names no package", at: file.position,
                fix: "write a package on each line, or take “pip” out")
        }
        return packages
    }

    /// The lines that say something, with their numbers; `\` at the end goes on in the next one.
    private static func lines(of text: [UInt8]) -> [(number: Int, text: String)] {
        var lines: [(number: Int, text: String)] = []
        var begun: (number: Int, text: String)?
        for (number, bytes) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        {
            var line = String(decoding: bytes, as: UTF8.self)
            if line.utf8.last == 0x0D { line = String(line.unicodeScalars.dropLast()) }
            let goesOn = line.ends(with: "\\")
            if goesOn { line.removeLast() }
            let whole = (begun.map { $0.text + " " } ?? "") + line
            begun = (begun?.number ?? number + 1, whole)
            if goesOn { continue }
            if let begun { lines.append(begun) }
            begun = nil
        }
        if let begun { lines.append(begun) }
        return lines.compactMap { number, line in
            var bytes = Array(line.utf8)[...]
            let blanks: [UInt8] = [0x20, 0x09]
            let comment = bytes.indices.first {
                bytes[$0] == UInt8(ascii: "#") && ($0 == bytes.startIndex || blanks.contains(bytes[$0 - 1]))
            }
            if let comment { bytes = bytes[..<comment] }
            let words = bytes.split { blanks.contains($0) }
            return words.isEmpty
                ? nil : (number, String(decoding: Array(words.joined(separator: [0x20])), as: UTF8.self))
        }
    }
}
