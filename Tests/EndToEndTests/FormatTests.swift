import Files
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// `las fmt` as a user runs it.
@Suite(.enabled(if: BuiltPrograms.areThere, "las is not built: make build")) struct FormatTests {
    private static let loose = """
        lines:
         main:
         - command: wc -w <  {in}   # words
           station: count
           in: text
           out: count.txt
        inputs: {text: {text: one two}}
        metro: m

        """
    private static let laidOut = """
        metro: m
        inputs: { text: { text: one two } }
        lines:
          main:
            - station: count
              in: text
              command: wc -w <  {in} # words
              out: count.txt

        """

    private func read(_ path: String) throws -> String { String(decoding: try File.read(path), as: UTF8.self) }

    @Test func theFileIsLaidOutInItsPlace() throws {
        try withScratch("fmt") { folder in
            try File.write(Self.loose, to: "\(folder)/real.yml", mode: 0o640)
            symlink("real.yml", "\(folder)/metro.yml")
            let las = LasCommand(in: folder, lash: "\(folder)/lash")

            let checked = try las("fmt", "--check")
            #expect(checked.status == 1)
            #expect(checked.output == "metro.yml: las fmt would lay it out otherwise\n")
            #expect(try read("\(folder)/metro.yml") == Self.loose)

            let plan = try las("plan", "--json").output
            #expect(try las("fmt").status == 0)
            #expect(try read("\(folder)/real.yml") == Self.laidOut)
            #expect(File.status("\(folder)/real.yml")?.mode == 0o640)
            #expect(File.status("\(folder)/metro.yml")?.kind == .link)
            #expect(try las("plan", "--json").output == plan, "the plan is the same, byte for byte")

            let before = File.status("\(folder)/real.yml")
            let again = try las("fmt")
            #expect(again.status == 0 && again.errors.contains("laid out already"))
            #expect(File.status("\(folder)/real.yml") == before, "it is not written again")
            #expect(try las("fmt", "--check").status == 0)
            #expect(try Folder.names(in: folder) == ["metro.yml", "real.yml"])
        }
    }

    @Test func aMetroWithMistakesIsNotTouched() throws {
        try withScratch("fmt") { folder in
            let wrong = Self.loose.split(separator: "in: text").joined(separator: "in: txt")
            for (name, text) in [("a.yml", Self.loose), ("b.yml", wrong)] {
                try File.write(text, to: "\(folder)/\(name)")
            }
            let las = LasCommand(in: folder, lash: "\(folder)/lash")
            let ended = try las("fmt", "a.yml", "b.yml")
            #expect(ended.status == 2)
            #expect(ended.errors.contains("did you mean “text”?"))
            #expect(try read("\(folder)/b.yml") == wrong)
            #expect(try read("\(folder)/a.yml") == Self.loose, "nor are the others")
        }
    }
}
