internal import Failures
internal import Files

extension MetroCheck {
    mutating func checkInputs() {
        for input in draft.inputs {
            switch input.source {
            case .files(let patterns):
                for pattern in patterns { checkPath(pattern) }
                checkAddresses(patterns)
            case .image(let pattern):
                if !pattern.value.begins(with: "/") || pattern.value.utf8.count > Self.longest {
                    diagnostics.add(
                        "“image” names a file of the environment by its whole path, and “\(Shown.text(pattern.value))” is none",
                        at: pattern.position, fix: "begin it with “/”, as in /usr/share/…")
                } else if pattern.value.pathNames.contains(where: { $0 == ".." || $0 == "." }) {
                    diagnostics.add(
                        "“\(Shown.text(pattern.value))” goes up with “..” or stays with “.”", at: pattern.position,
                        fix: "write the path that it comes to")
                }
            case .text: break
            }
            checkPasses(of: input)
        }
    }

    /// - Parameter isInput: whether something of the environment could stand there.
    mutating func checkPath(_ pattern: Located<String>, isInput: Bool = true) {
        let text = pattern.value
        if WebAddress.isMeant(by: text) {
            do throws(WebAddress.Mistake) { _ = try WebAddress(text) } catch {
                diagnostics.add(error.message, at: pattern.position, fix: error.fix)
            }
        } else if text.utf8.count > 2, text.utf8.first.map({ Braces.isWordStart($0) && $0 < 0x80 }) ?? false,
            text.dropFirst().hasPrefix(":\\") || text.dropFirst().hasPrefix(":/")
        {
            diagnostics.add(
                "“\(Shown.text(text))” is a path of Windows", at: pattern.position,
                fix: "put the file into the folder of the metro, and name it from there, with “/”: “data/reads.fq”")
        } else if text.utf8.count > Self.longest {
            diagnostics.add(
                "this path is too long", at: pattern.position, fix: "a path has at most \(Self.longest) bytes")
        } else if text.begins(with: "/") || text.begins(with: "~") {
            diagnostics.add(
                "the path “\(Shown.text(text))” lies outside the metro's folder", at: pattern.position,
                fix:
                    "put the file, or a copy of it, into the folder of the metro"
                    + (isInput && text.begins(with: "/")
                        ? "; for a file that a need brings write “image: \(Shown.text(text))”" : "")
            )
        } else if text.pathNames.contains("..") {
            diagnostics.add(
                "the path “\(Shown.text(text))” leaves the metro's folder by “..”", at: pattern.position,
                fix: "put the file into the folder of the metro")
        }
    }

    /// That no two of an input's addresses bring a file of one name: they would lie in one folder.
    private mutating func checkAddresses(_ patterns: [Located<String>]) {
        var (texts, names): (Set<String>, [String: Located<String>]) = ([], [:])
        for pattern in patterns {
            guard let address = try? WebAddress(pattern.value) else { continue }
            guard texts.insert(pattern.value).inserted else {
                diagnostics.add(
                    "this address stands in the list twice", at: pattern.position, fix: "take one of them out")
                continue
            }
            guard let first = names[address.fileName] else {
                names[address.fileName] = pattern
                continue
            }
            diagnostics.add(
                "two files of the name “\(Shown.text(address.fileName))” would lie in one folder, "
                    + "this and the one of line \(first.position.line)",
                at: pattern.position, fix: "declare an input for each")
        }
    }

    private mutating func checkPasses(of input: Input) {
        guard let command = input.passes else { return }
        let template = CommandTemplate(command.value)
        for mistake in template.mistakes {
            diagnostics.add(mistake, in: command)
        }
        let vocabulary = Vocabulary(ofCheck: input.name.value)
        var isNamed = false
        for placeholder in template.placeholders {
            switch vocabulary.meaning(of: placeholder.word) {
            case .each: isNamed = true
            case .name: break
            default:
                diagnostics.add(
                    "“{\(Shown.text(placeholder.word, atMost: 30))}” has no meaning in “passes”",
                    at: command.position(of: placeholder),
                    fix: placeholder.word == "file" || placeholder.word == "in"
                        ? "the file is {each}"
                        : "there is {each}, the file, and {name}; braces of the command's own are doubled")
                // One thing to mend is enough.
                isNamed = true
            }
        }
        if !isNamed, template.mistakes.isEmpty {
            diagnostics.add(
                "“passes” does not look at the file", at: command.position,
                fix: "write {each} where the file's path belongs: “passes: grep -q '^>' {each}”")
        }
    }
}

extension Vocabulary {
    /// The words of the command that each file of an input must pass.
    package init(ofCheck input: String) { self.init(takes: [], forEach: [(input, 1)], outputs: 0) }
}
