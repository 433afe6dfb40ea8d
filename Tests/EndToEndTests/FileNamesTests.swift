import Files
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Files with the names that people give, and that programs give: what a command receives is exactly the name, wherever in
/// the command it stands.
@Suite struct FileNamesTests {
    private static let names = [
        "plain", "two words", " led and trailed ", "it's", "a \"quoted\" one", "back\\slash", "ends\\", "-n", "--",
        "-rf",
        "$HOME", "$(touch broken)", "`touch broken`", "; touch broken", "a;b&c|d", "*", "?[a-z]", "{a,b}", "{each}",
        "#not a comment", "~root", "!bang", "100%", "%s", "a\nb", "tab\there", "é", "u\u{301}", "日本語", "🙂", "“x”",
        "if", "x=1", "(a)", "<b>", "\u{7F}", "a:b", "@", "^", ",",
    ]

    private static let metro = """
        metro: names
        inputs:
          all: { files: all/*.x }
        lines:
          each:
            - station: plain
              for_each: all
              command: show {each} {name}
              out: "_{name}.told"
            - station: quoted
              for_each: all
              command: show "{each}" '{name}' pre"{name}"post "$(printf '%s.' {name})"
              out: "_{name}.told"
            - station: named
              for_each: all
              command: printf '%s' {name} > {out}; test -f ./{out}
              out: "_{name}.y"
            - station: again
              for_each: named
              command: cat {each}; show {each} {name}
              out: "_{name}.told"
          whole:
            - station: list
              in: all
              command: show {all}
              out: told
        results: [plain, quoted, named, again, list]
        """

    @Test func everyNameArrivesAsItIs() throws {
        try withScratch { folder in
            try Folder.make(folder + "/m/all")
            try Folder.make(folder + "/m/files/bin")
            try File.write(Self.metro, to: folder + "/m/metro.yml")
            try File.write(
                "#!/bin/sh\nprintf '%s\\0' \"$#\" \"$@\"\n",
                to: folder + "/m/files/bin/show", mode: 0o755)
            for name in Self.names { try File.write(name, to: "\(folder)/m/all/\(name).x") }
            let ended = try LasCommand(in: folder)("run", "m", "--quiet")
            #expect(ended.status == 0, "\(ended.errors)")
            let results = folder + "/results"
            func told(_ path: String) throws -> [String] {
                String(decoding: try File.read("\(results)/\(path)"), as: UTF8.self)
                    .split(separator: "\0", omittingEmptySubsequences: false).dropLast().map(String.init)
            }
            for given in Self.names {
                let name = Self.item(given)
                let file = "/.las/inputs/all/\(given).x"
                same(try told("plain/_\(name).told"), ["2", file, name])
                same(try told("quoted/_\(name).told"), ["4", file, name, "pre\(name)post", name + "."])
                same([String(decoding: try File.read("\(results)/named/_\(name).y"), as: UTF8.self)], [name])
                let made = "/.las/made/named/\(name)/_\(name).y"
                same(try told("again/_\(name).told"), [name + "2", made, name])
            }
            let list = try told("list/told")
            #expect(list.first == "\(Self.names.count)")
            #expect(
                Set(list.dropFirst().map { Array($0.utf8) })
                    == Set(Self.names.map { Array("/.las/inputs/all/\($0).x".utf8) }))
        }
    }

    /// The item's name, which becomes names of folders and lines of what las prints: signs that no line can show are written
    /// as `%0A`.
    private static func item(_ file: String) -> String {
        file.unicodeScalars.map { scalar in
            switch scalar {
            case "\n": "%0A"
            case "\t": "%09"
            case "\u{7F}": "%7F"
            default: String(scalar)
            }
        }.joined()
    }

    /// Byte by byte: to Swift, two ways to write é are the same text.
    private func same(_ told: [String], _ expected: [String]) {
        #expect(told.map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "\(told) in the place of \(expected)")
    }

    /// Names that are no text can stand in no metro, no plan and no message: they are refused, and nothing is left out in
    /// silence.
    @Test func aNameThatIsNotUTF8IsRefusedAndTold() throws {
        try withScratch { folder in
            try Folder.make(folder + "/m/all")
            try File.write(Self.metro, to: folder + "/m/metro.yml")
            try File.write("", to: folder + "/m/all/good.x")
            let raw: [CChar] =
                Array(folder.utf8CString.dropLast()) + Array("/m/all/bad".utf8CString.dropLast()) + [-1, 46, 120, 0]
            let descriptor = open(raw, O_WRONLY | O_CREAT, 0o644)
            #expect(descriptor >= 0)
            close(descriptor)
            let ended = try LasCommand(in: folder)("check", "m")
            #expect(ended.status == 2, "\(ended.output)\(ended.errors)")
            #expect(ended.errors.contains("UTF-8"), "\(ended.errors)")
        }
    }
}
