import Files
import TestSupport
import Testing

/// The eight scenarios of docs/metro-file.md: every metro of that section is run as it stands there, and must give what the
/// page says.
@Suite struct ScenariosTests {
    struct Scenario: CustomTestStringConvertible {
        var title = ""
        var metro = ""
        /// Paths and what they hold.
        var files: [(String, String)] = []
        var gives: [(String, String)] = []

        var testDescription: String { title }
    }

    static let all = (try? scenarios()) ?? []

    @Test func thereAreEight() throws {
        let scenarios = try Self.scenarios()
        #expect(scenarios.count == 8)
        #expect(scenarios.allSatisfy { !$0.metro.isEmpty && !$0.gives.isEmpty })
    }

    @Test(arguments: all) func itGivesWhatThePageSays(_ scenario: Scenario) throws {
        try withScratch { folder in
            try Folder.make(folder + "/m")
            try File.write(scenario.metro, to: folder + "/m/metro.yml")
            for (path, text) in scenario.files {
                try Folder.make(File.parent(of: "\(folder)/m/\(path)"))
                try File.write(text, to: "\(folder)/m/\(path)")
            }
            let ended = try LasCommand(in: folder)("run", "m")
            #expect(ended.status == 0, "\(ended.errors)")
            let found = try files(in: folder + "/results").map {
                let text = String(decoding: try File.read("\(folder)/results/\($0)"), as: UTF8.self)
                return "\($0) → " + text.split(separator: "\n").map { trimmed(String($0)) }.joined(separator: "\n")
            }
            #expect(found == scenario.gives.map { "\($0) → \($1)" })
        }
    }

    // MARK: The page

    private static func scenarios() throws -> [Scenario] {
        let page = File.parent(of: File.parent(of: File.parent(of: #filePath))) + "/docs/metro-file.md"
        let lines = String(decoding: try File.read(page), as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
        let section = lines.drop { $0 != "## The eight scenarios" }.dropFirst().prefix { !$0.hasPrefix("## ") }
        var scenarios: [Scenario] = []
        var block: (kind: String, lines: [String])?
        for line in section {
            if line.hasPrefix("### ") { scenarios.append(Scenario(title: String(line.dropFirst(4)))) }
            guard let last = scenarios.indices.last else { continue }
            if line.hasPrefix("```"), let ended = block {
                switch ended.kind {
                case "yaml": scenarios[last].metro = ended.lines.joined(separator: "\n") + "\n"
                case "files": scenarios[last].files = pairs(ended.lines)
                case "gives": scenarios[last].gives = pairs(ended.lines)
                default: Issue.record("“\(ended.kind)” is no kind of block in this section")
                }
                block = nil
            } else if line.hasPrefix("```") {
                block = (String(line.dropFirst(3)), [])
            } else {
                block?.lines.append(line)
            }
        }
        return scenarios
    }

    /// `path → text`; further lines of the text are indented.
    private static func pairs(_ lines: [String]) -> [(String, String)] {
        var pairs: [(String, String)] = []
        for line in lines {
            if line.hasPrefix(" "), let last = pairs.indices.last {
                pairs[last].1 += "\n" + trimmed(line)
            } else {
                let parts = line.split(separator: "→", maxSplits: 1, omittingEmptySubsequences: false)
                pairs.append((trimmed(String(parts[0])), parts.count == 2 ? trimmed(String(parts[1])) : ""))
            }
        }
        return pairs
    }
}

/// Without spaces and line ends around it.
func trimmed(_ text: String) -> String {
    let start = text.drop(while: \.isWhitespace)
    return String(start.prefix(start.count - start.reversed().prefix(while: \.isWhitespace).count))
}

/// All files below a folder, sorted.
func files(in folder: String) throws -> [String] {
    try Folder.names(in: folder).flatMap { name in
        File.status("\(folder)/\(name)")?.kind == .folder
            ? try files(in: "\(folder)/\(name)").map { "\(name)/\($0)" } : [name]
    }.sorted()
}
