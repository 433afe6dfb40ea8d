import Digests
import Files
import Foundation
import JSON
import TestSupport
import Testing

/// Bundles run step by step, as engines do it, and nothing else of an engine.
@Suite struct StepsTests {
    private func files(_ folder: String) throws -> [String: Digest] {
        var files: [String: Digest] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder)
        where File.status("\(folder)/\(name)")?.kind == .file {
            files[name] = Digest(of: try File.read("\(folder)/\(name)"))
        }
        return files
    }

    /// The numbers of `0-4,7`.
    private func numbers(_ text: String) -> [Int] {
        text.split(separator: ",").flatMap { range -> [Int] in
            let ends = range.split(separator: "-").compactMap { Int($0) }
            return ends.isEmpty ? [] : Array(ends[0]...ends[ends.count - 1])
        }
    }

    @Test(arguments: ["hello", "word-count", "csv-report", "nested-quality-check", "parameter-sweep"])
    func aLoopOfStepsGivesWhatARunGives(_ name: String) throws {
        try withScratch { folder in
            let template = try Template(name, in: folder)
            try template.run()
            try #require(try template.las("pack", "metro").status == 0)
            let bundle = Program(
                "\(folder)/\(name).las", environment: ["LASH": template.las.lash, "PATH": "/nonexistent"],
                folder: folder)
            var rounds = 0
            var succeeded: Bool?
            while succeeded == nil, rounds < 50 {
                rounds += 1
                let told = try bundle.run("advance", "--work", "work", "--json")
                let standing = try JSONText.parse(told.output)
                if standing["ended"] == .bool(true) {
                    succeeded = standing["succeeded"] == .bool(true)
                    continue
                }
                for station in standing["stations"]?.array ?? [] {
                    let id = try #require(station["station"]?.string)
                    for number in numbers(station["ready"]?.string ?? "") {
                        let step = try bundle.run("step", "--work", "work", "--station", id, "--number", "\(number)")
                        #expect(step.status == 0, "\(id) \(number): \(step.errors)")
                    }
                }
            }
            #expect(succeeded == true)
            let right = try files(template.results)
            #expect(try files(folder + "/work/results") == right)
        }
    }

    @Test func exitCodesTellTheStationsFailureFromTheMachines() throws {
        try withScratch { folder in
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: codes
                lines:
                  l:
                    - station: bad
                      command: exit 3
                      out: x
                    - station: after
                      command: cat {in}
                      out: y
                """, to: folder + "/m/metro.yml")
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            try #require(try las("pack", "m").status == 0)
            func step(_ station: String, _ more: String...) throws -> Int32 {
                try Program(
                    "timeout", environment: ["LASH": las.lash, "PATH": "/usr/bin:/bin"], folder: folder
                ).run(
                    ["300", folder + "/codes.las", "step", "--work", "work", "--station", station, "--patience", "0"]
                        + more
                )
                .status
            }
            #expect(try step("bad", "--number", "0") == 1)
            #expect(try step("bad", "--number", "1") == 2)
            #expect(try step("nonesuch", "--number", "0") == 2)
            // What it takes failed.
            #expect(try step("after", "--number", "0") == 1)
            try File.write("not a record", to: folder + "/work/run.json")
            #expect(try step("bad", "--number", "0") == 5)
        }
    }
}
