internal import Files

/// All metros of the repository that are right: the templates, and the examples of the pages.
package enum GoodMetros {
    package struct Text: Sendable {
        /// The template's name, or the page's.
        package let name: String
        package let text: String
    }

    package static let checkout = File.parent(of: File.parent(of: File.parent(of: #filePath)))

    package static func all() throws -> [Text] {
        var metros: [Text] = []
        for name in try Folder.names(in: "\(checkout)/bundle-templates") {
            let file = "\(checkout)/bundle-templates/\(name)/metro.yml"
            guard File.exists(file) else { continue }
            metros.append(Text(name: name, text: String(decoding: try File.read(file), as: UTF8.self)))
        }
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
