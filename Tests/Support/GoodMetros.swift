internal import Files

/// All metros of the repository that are right: the templates, and the examples of the pages.
package enum GoodMetros {
    package struct Text: Sendable {
        /// The template's file, or the page's name.
        package let name: String
        package let text: String
    }

    package static let checkout = File.parent(of: File.parent(of: File.parent(of: #filePath)))

    package static func all() throws -> [Text] {
        var metros: [Text] = []
        func collect(_ folder: String) throws {
            for name in try Folder.names(in: folder) {
                let path = "\(folder)/\(name)"
                if File.status(path)?.kind == .folder {
                    try collect(path)
                } else if name == "metro.yml" {
                    metros.append(
                        Text(name: path, text: String(decoding: try File.read(path), as: UTF8.self)))
                }
            }
        }
        try collect("\(checkout)/bundle-templates")
        for page in try Folder.names(in: "\(checkout)/docs") + ["../README.md"] where page.ends(with: ".md") {
            var block: [String]?
            let text = String(decoding: try File.read("\(checkout)/docs/\(page)"), as: UTF8.self)
            for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
                if let lines = block, line == "```" {
                    let isWhole = ["metro:", "lines:"].allSatisfy { key in lines.contains { $0.hasPrefix(key) } }
                    if isWhole { metros.append(Text(name: page, text: lines.joined(separator: "\n") + "\n")) }
                    block = nil
                } else if line == "```yaml" {
                    block = []
                } else {
                    block?.append(line)
                }
            }
        }
        return metros
    }
}

extension GoodMetros {
    /// Texts in the sources of the tests that look like metros; not all of them are right.
    package static func inTests() throws -> [Text] {
        func sources(in folder: String) throws -> [String] {
            try Folder.names(in: folder).flatMap { name -> [String] in
                let path = "\(folder)/\(name)"
                if File.status(path)?.kind == .folder { return try sources(in: path) }
                return name.ends(with: ".swift") ? [path] : []
            }
        }
        var metros: [Text] = []
        for source in try sources(in: "\(checkout)/Tests") {
            let text = String(decoding: try File.read(source), as: UTF8.self)
            for (number, part) in text.split(separator: "\"\"\"", omittingEmptySubsequences: false).enumerated() {
                let lines = part.split(separator: "\n", omittingEmptySubsequences: false)
                guard number % 2 == 1, let last = lines.last, last.allSatisfy({ $0 == " " }), part.contains("lines:"),
                    part.contains("metro:")
                else { continue }
                // As Swift reads it, save what stands for a value.
                let body = lines.dropFirst().dropLast().map { $0.dropFirst(last.count) }
                metros.append(
                    Text(
                        name: File.name(of: source),
                        text: body.joined(separator: "\n").split(separator: "\\\\", omittingEmptySubsequences: false)
                            .joined(separator: "\\") + "\n"))
            }
        }
        return metros
    }
}
