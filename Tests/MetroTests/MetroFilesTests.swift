import Files
import TestSupport
import Testing

@testable import Metro

#if canImport(Glibc)
    import Glibc
#endif

/// Many files, few of which a person would write: whatever stands in them, las ends soon.
@Suite struct MetroFilesTests {
    private func read(_ path: String) -> MetroFailure? {
        do throws(MetroFailure) {
            _ = try MetroReader.read(path: path)
            return nil
        } catch {
            return error
        }
    }

    /// `1` stands in `0`, `2` in `1`, …, each twice.
    private func chain(_ count: Int, uses: Int, in folder: String) throws {
        for number in 0..<count {
            let stops =
                number == count - 1
                ? "    - { station: s, command: date, out: d }\n"
                : (0..<uses).map { "    - { metro: \(number + 1).yml, as: m\($0) }\n" }.joined()
            try File.write("metro: m\(number)\nlines:\n  one:\n\(stops)", to: "\(folder)/\(number).yml")
        }
    }

    @Test func sixtyFourLevelsAreEnough() throws {
        try withScratch { folder in
            try chain(64, uses: 1, in: folder)
            let metro = try MetroReader.read(path: folder + "/0.yml")
            #expect(metro.offers.map(\.path) == [String(repeating: "m0/", count: 63) + "s"])
            try chain(65, uses: 1, in: folder)
            let failure = read(folder + "/0.yml")
            #expect(
                failure?.diagnostics.map(\.message) == [
                    "with this metro there are more than 64 levels of metros in metros"
                ])
            #expect(failure?.diagnostics.map(\.place) == ["\(folder)/63.yml:4:16"])
        }
    }

    @Test func metrosThatUseEachOtherManyTimesAreRefused() throws {
        try withScratch { folder in
            try chain(60, uses: 2, in: folder)
            let failure = read(folder + "/0.yml")
            #expect(failure?.diagnostics.first?.message == "with this metro there are more than 20000 stations")
            #expect(failure?.diagnostics.count == 1, "told once, where they become too many")
        }
    }

    @Test func namesThatAreTooLongTogetherAreRefused() throws {
        try withScratch { folder in
            let name = String(repeating: "a", count: 90)
            for number in 0..<12 {
                let stop =
                    number == 11 ? "{ station: s, command: date, out: d }" : "{ metro: \(number + 1).yml, as: \(name) }"
                try File.write("metro: m\nlines:\n  one:\n    - \(stop)\n", to: "\(folder)/\(number).yml")
            }
            #expect(read(folder + "/0.yml")?.diagnostics.first?.message.contains("longer than 1000 bytes") == true)
        }
    }

    @Test func cyclesAreFoundThroughLinks() throws {
        try withScratch { folder in
            try Folder.make(folder + "/a")
            symlink(folder + "/a", folder + "/b")
            try File.write("metro: a\nlines:\n  one:\n    - metro: ../b\n", to: folder + "/a/metro.yml")
            #expect(
                read(folder + "/a/metro.yml")?.diagnostics.first?.message
                    == "a metro can't stand in itself: \(folder)/a/metro.yml → \(folder)/a/metro.yml")
        }
    }

    @Test func onlyFilesAreRead() throws {
        try withScratch { folder in
            mkfifo(folder + "/fifo", 0o600)
            for (name, message) in [("fifo", "is no file"), ("../../../../../../dev/zero", "is no file")] {
                try File.write("metro: a\nlines:\n  one:\n    - { metro: \(name), as: x }\n", to: folder + "/metro.yml")
                #expect(read(folder + "/metro.yml")?.diagnostics.first?.message.contains(message) == true)
            }
        }
    }

    @Test func itsPlaceIsToldAsThePersonCanFindIt() throws {
        try withScratch { folder in
            try Folder.make(folder + "/main")
            try Folder.make(folder + "/far/away")
            symlink(folder + "/far/away", folder + "/main/link")
            try File.write(
                "metro: m\nlines:\n  one:\n    - { metro: ./link/../x.yml }\n", to: folder + "/main/metro.yml")
            try File.write("metro: x\nlines: []\n", to: folder + "/far/x.yml")
            // The link goes elsewhere, so that “..” can't be taken out of the path.
            #expect(read(folder + "/main/metro.yml")?.diagnostics.map(\.file) == ["\(folder)/main/./link/../x.yml"])
        }
    }
}
