import Files
import Metro
import TestSupport
import Testing

@testable import Plan

/// Commands that name files as if they ran in the metro's folder.
@Suite struct UnseenFilesTests {
    private func notes(_ command: String, _ files: [String], in folder: String) throws -> [String] {
        for file in files + ["tables/a.csv"] {
            try Folder.make(File.parent(of: "\(folder)/\(file)"))
            try File.write("x", to: "\(folder)/\(file)")
        }
        let metro = try MetroReader.read(
            text: """
                metro: m
                inputs: { tables: tables/*.csv }
                lines:
                  one:
                    - station: clean
                      for_each: tables
                      command: '\(command)'
                      out: "{name}.tsv"

                """, file: "metro.yml")
        let plan = try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder))
        return plan.notesOfUnseenFiles(in: folder)
    }

    private func expectNone(_ command: String, _ files: [String], in folder: String) throws {
        let notes = try notes(command, files, in: folder)
        #expect(notes == [], "\(command)")
    }

    @Test func aScriptBesideTheMetroBelongsIntoItsFolder() throws {
        try withScratch { folder in
            let notes = try notes("python3 clean.py {each} > {out}", ["clean.py"], in: folder)
            #expect(
                notes == [
                    "the command of “clean” names “clean.py”, and runs in an empty folder where that does not lie: put it into the "
                        + "folder “files” and write “/.las/files/clean.py”, or make it an input and take it with “in”"
                ])
        }
    }

    @Test func aScriptInItsFolderIsNamedByItsPlace() throws {
        try withScratch { folder in
            let fix = "write “/.las/files/lib/clean.R”"
            for command in ["Rscript lib/clean.R {each}", "Rscript --file=./files/lib/clean.R {each}"] {
                let notes = try notes(command, ["files/lib/clean.R"], in: folder)
                #expect(notes.count == 1 && notes[0].hasSuffix(fix))
            }
            try expectNone("Rscript /.las/files/lib/clean.R {each}", [], in: folder)
            try expectNone("tidy.sh {each}", ["files/bin/tidy.sh", "tidy.sh"], in: folder)
        }
    }

    @Test func anInputIsTakenByItsPlaceholder() throws {
        try withScratch { folder in
            let notes = try notes("cat tables/a.csv", [], in: folder)
            #expect(notes[0].hasSuffix("write the placeholder of the input “tables” instead"))
        }
    }

    @Test func aMetroInAnotherHasItsOwnFolder() throws {
        try withScratch { folder in
            let files = [
                ("metro.yml", "metro: m\nlines:\n  one:\n    - { metro: qc/metro.yml }\n"),
                (
                    "qc/metro.yml",
                    "metro: qc\nlines:\n  one:\n    - { station: s, command: python3 own.py, out: a }\nresults: [s]\n"
                ),
                ("own.py", "x"), ("qc/own.py", "x"),
            ]
            for (name, text) in files {
                try Folder.make(File.parent(of: "\(folder)/\(name)"))
                try File.write(text, to: "\(folder)/\(name)")
            }
            func notes() throws -> [String] {
                let metro = try MetroReader.read(path: "\(folder)/metro.yml")
                let plan = try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder))
                return plan.notesOfUnseenFiles(in: folder)
            }
            let told = try notes()
            #expect(told.count == 1)
            File.remove("\(folder)/qc/own.py")
            let left = try notes()
            #expect(left == [])
        }
    }

    @Test func whatTheCommandMakesItselfIsItsOwn() throws {
        try withScratch { folder in
            let files = ["a.txt", "b.txt", "x.csv", "notes.md"]
            try expectNone("sort {each} > a.txt && sort {each} >b.txt; echo e.g. 1.5", files, in: folder)
            try expectNone("cat {each}/x.csv pre{name}notes.md", files, in: folder)
            try expectNone("wc -l {each}", files, in: folder)
        }
    }
}
