import Files
import TestSupport
import Testing

@Suite struct WrongMetroTests {
    static let fiveMistakes = """
        metro: mistakes
        inputz:
          texts: texts/*.txt
        lines:
          counting:
            - station: words
              for_each: text
              command: wc -w {eech} > {out}
              out: ../words.txt
            - station: total
              in: wrds
              command: cat {in}
              out: total.txt
        """

    @Test(arguments: ["check", "plan", "pack", "run"]) func aMetroWithFiveMistakesIsToldAllAtOnce(_ command: String)
        throws
    {
        try withScratch { folder in
            try Folder.make(folder + "/m")
            try File.write(Self.fiveMistakes, to: folder + "/m/metro.yml")
            let ended = try LasCommand(in: folder)(command, "m")
            #expect(ended.status == 2)
            let places = ended.errors.split(separator: "\n").filter { $0.contains("metro.yml:") }
            #expect(places.count == 5, "\(ended.errors)")
            for place in ["metro.yml:2:1", "metro.yml:7:", "metro.yml:8:", "metro.yml:9:", "metro.yml:11:"] {
                #expect(ended.errors.contains(place), "\(place) is not in: \(ended.errors)")
            }
            #expect(ended.errors.contains("did you mean"))
            #expect(try Folder.names(in: folder).filter { $0 != "m" }.allSatisfy { $0.hasPrefix(".") })
            #expect(try Folder.names(in: folder + "/m") == ["metro.yml"])
        }
    }

    @Test func aMetroThatIsNotThere() throws {
        try withScratch { folder in
            let ended = try LasCommand(in: folder)("run", "nowhere")
            #expect(ended.status == 2)
            #expect(ended.errors.contains("nowhere"))
        }
    }
}
