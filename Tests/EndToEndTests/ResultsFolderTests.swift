import Files
import TestSupport
import Testing

/// A folder of results belongs to the person: las replaces what it made before, and nothing else.
@Suite struct ResultsFolderTests {
    /// By las, and by the bundle itself.
    static let ways = [true, false]

    private func run(_ byLas: Bool, in folder: String, _ arguments: String...) throws -> Program.Ended {
        let bundle = try BundleTests.hello.get()
        return byLas
            ? try LasCommand(in: folder)(["run", bundle] + arguments)
            : try Program(bundle, environment: ["HOME": folder], folder: folder).run(["run"] + arguments)
    }

    @Test(arguments: ways) func filesOfThePersonStay(_ byLas: Bool) throws {
        try withScratch { folder in
            try Folder.make(folder + "/results/hello")
            try File.write("mine", to: folder + "/results/hello/other.txt")
            try File.write("old", to: folder + "/results/hello/hello.txt")
            let ended = try run(byLas, in: folder)
            #expect(ended.status == 0, "\(ended.errors)")
            let names = try Folder.names(in: folder + "/results/hello")
            #expect(names == ["hello.txt", "other.txt"])
            let result = try File.read(folder + "/results/hello/hello.txt")
            #expect(result != Array("old".utf8))
            let left = try Folder.names(in: folder + "/results")
            #expect(left == ["hello"])
        }
    }

    @Test(arguments: ways) func aPlaceThatIsNoFolderIsToldBeforeAnythingRuns(_ byLas: Bool) throws {
        try withScratch { folder in
            try File.write("mine", to: folder + "/taken")
            let ended = try run(byLas, in: folder, "--results", "taken")
            #expect(ended.status == 2, "\(ended.errors)")
            #expect(!(ended.output + ended.errors).contains("hello (0"))
            let kept = try File.read(folder + "/taken")
            #expect(kept == Array("mine".utf8))
        }
    }

    @Test func moreProcessorsThanThereAreIsNoFailureOfAStation() throws {
        try withScratch { folder in
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: large
                lines:
                  one:
                    - station: huge
                      command: echo x
                      out: x.txt
                      uses: { cpus: 5000 }
                """, to: folder + "/m/metro.yml")
            let ended = try LasCommand(in: folder)("run", "m")
            #expect(ended.status == 6, "\(ended.errors)")
            #expect(ended.errors.contains("huge") && ended.errors.contains("5000"), "\(ended.errors)")
        }
    }
}
