import Files
import TestSupport
import Testing

@Suite struct HelloTests {
    static let templates: [Substring] = [
        "csv-report", "hello", "lambda-variants", "nested-quality-check", "parameter-sweep", "photo-contact-sheet",
        "word-count",
    ]

    @Test func aNewMetroRunsHere() throws {
        try withScratch { folder in
            let las = LasCommand(in: folder)
            #expect(try las("new", "hello", "my-metro").status == 0)
            let run = try las("run", "my-metro")
            #expect(run.status == 0, "\(run.errors)")
            let result = try String(decoding: File.read(folder + "/results/hello/hello.txt"), as: UTF8.self)
            #expect(result == "Hello from Linux x86_64, with nothing installed.\n")
        }
    }

    @Test func wordsAreCountedAndEmptyTextsLeftOut() throws {
        try withScratch { folder in
            let las = LasCommand(in: folder)
            try las("new", "word-count", "counts")
            try File.write("", to: folder + "/counts/texts/empty.txt")
            try File.write("it's the \"sea\"\n", to: folder + "/counts/texts/a name with 'quotes' and $signs.txt")
            let run = try las("run", "counts", "--results", "out")
            #expect(run.status == 0, "\(run.errors)")
            #expect(
                run.errors.contains("1 of 5 texts was left out: texts/empty.txt is not larger than 0"), "\(run.errors)")
            // The same by the machine's own tools.
            let words = "cat *.txt | tr -cs '[:alpha:]' '\\n' | tr '[:upper:]' '[:lower:]' | grep -v '^$'"
            let judge = try Program("bash", folder: folder + "/counts/texts").run(
                "-c", words + " | sort | uniq -c | awk '{print $1, $2}' | sort -k1,1nr -k2")
            #expect(try String(decoding: File.read(folder + "/out/total/total.txt"), as: UTF8.self) == judge.output)
            #expect(
                try String(decoding: File.read(folder + "/out/top/top-ten.txt"), as: UTF8.self).split(separator: "\n")
                    .count == 10)
        }
    }

    @Test func theTemplatesAreListedAndNothingIsOverwritten() throws {
        try withScratch { folder in
            let las = LasCommand(in: folder)
            let listed = try las("new", "--list").lines
            #expect(listed.map { $0.prefix { $0 != " " } } == Self.templates)
            #expect(
                listed.contains("hello                 The smallest metro, one station that says hello."), "\(listed)")
            try las("new", "hello", "mine")
            let again = try las("new", "hello", "mine")
            #expect(again.status == 2)
            #expect(again.errors.contains("exists already"))
            let mistyped = try las("new", "helo", "other")
            #expect(mistyped.errors.contains("did you mean hello?"))
        }
    }
}

@Suite struct ManyFilesTests {
    @Test func aGatheringOfThousandsOfFilesFitsIntoItsCommand() throws {
        try withScratch { folder in
            try Folder.make(folder + "/m/parts")
            for number in 0..<3000 {
                try File.write("\(number)\n", to: "\(folder)/m/parts/a part with a long name, number \(number).txt")
            }
            try File.write(
                """
                metro: many
                inputs:
                  parts: parts/*.txt
                lines:
                  one:
                    - station: all
                      in: parts
                      command: cat {in} | sort -n > {out}
                      out: all.txt
                """, to: folder + "/m/metro.yml")
            let ended = try LasCommand(in: folder)("run", "m")
            #expect(ended.status == 0, "\(ended.errors.prefix(2000))")
            let lines = try File.read(folder + "/results/all/all.txt").split(separator: UInt8(ascii: "\n"))
            #expect(lines.count == 3000 && lines.last.map { String(decoding: $0, as: UTF8.self) } == "2999")
        }
    }
}
