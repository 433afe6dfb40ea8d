import Files
import Foundation
import JSON
import TestSupport
import Testing

/// A signed bundle and those who trust its signer: las, and a runtime that is there already.
@Suite struct SignedBundleTests {
    /// The bundle, signed, in a folder with a LASH that runs nothing but what its key signed.
    private func withSigned(_ body: (_ folder: String, _ las: LasCommand) throws -> Void) throws {
        let bundle = try BundleTests.hello.get()
        try withScratch("signed") { folder in
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            try File.copy(bundle, to: folder + "/x.las", mode: 0o755)
            #expect(try las("key", "new", "anna").status == 0)
            #expect(try las("sign", "x.las").status == 0)
            #expect(try las("key", "require", "on").status == 0)
            try body(folder, las)
        }
    }

    private func runtime(_ las: LasCommand) throws -> Program.Ended {
        try Program(
            BuiltPrograms.runtime, environment: ["HOME": las.folder, "LASH": las.lash, "PATH": "/nonexistent"],
            folder: las.folder
        ).run("run", "x.las")
    }

    /// One byte in the place, without another size or modification time.
    private func flip(_ path: String, at place: Int) throws {
        let status = try #require(File.status(path))
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: UInt64(place))
        let byte = try #require(try file.read(upToCount: 1)?.first)
        try file.seek(toOffset: UInt64(place))
        try file.write(contentsOf: Data([byte ^ 0x04]))
        try file.close()
        let time = timespec(tv_sec: Int(status.modified), tv_nsec: Int(status.modifiedNanoseconds))
        #expect(utimensat(AT_FDCWD, path, [time, time], 0) == 0)
        let now = try #require(File.status(path))
        #expect(now.size == status.size && now.modifiedNanoseconds == status.modifiedNanoseconds)
    }

    /// Places in each region of the file, as the bundle itself tells them.
    private func places(_ las: LasCommand) throws -> [(String, Int)] {
        let told = try JSONText.parse(Array(try las("inspect", "x.las", "--json").output.utf8))
        let size = try #require(File.status(las.folder + "/x.las")).size
        var places: [(String, Int)] = []
        var end: Int64 = 0
        for part in try #require(told["parts"]?.array) {
            let offset = try #require(part["offset"]?.integer)
            let length = try #require(part["size"]?.integer)
            let kind = try #require(part["kind"]?.string)
            if offset > end { places.append(("the filling before the \(kind)", Int(offset) - 1)) }
            end = offset + length
            if kind == "runtime" {
                places += [("the runtime's code", Int(length / 2)), ("the runtime's end", Int(end) - 1)]
                continue
            }
            places += [
                ("the superblock of the \(kind)", Int(offset) + 8), ("its padding", Int(offset) + 4000),
                ("its first block", Int(offset) + 4096 + 9), ("its data", Int(offset + length / 2)),
                ("its tables", Int(end) - 4096 - 7), ("its end", Int(end) - 1),
            ]
        }
        let index = (Int(end) + 4095) / 4096 * 4096
        // One signature takes 112 bytes, the footer 96.
        let tail = Int(size) - 96 - 112
        return places + [
            ("the index", index + 20), ("the index's end", tail - 1), ("the signature's head", tail + 3),
            ("the key", tail + 16 + 5), ("the signature", tail + 16 + 40), ("the footer", Int(size) - 90),
            ("the footer's digest", Int(size) - 2),
        ]
    }

    @Test func aFlippedByteInAnyRegionIsFoundBeforeAStationStarts() throws {
        try withSigned { folder, las in
            // Both have checked it once, and remember that they did.
            #expect(try las("run", "x.las", "--results", "good").status == 0)
            let good = try runtime(las)
            #expect(good.status == 0, "\(good.errors)")
            try Folder.remove(folder + "/results")
            let runs = try Folder.names(in: las.lash + "/runs")
            let places = try places(las)
            #expect(places.count >= 20)
            for (name, place) in places {
                try flip(folder + "/x.las", at: place)
                let byLas = try las("run", "x.las")
                #expect(byLas.status == 5, "las: \(name), byte \(place): \(byLas.errors)")
                let byRuntime = try runtime(las)
                #expect(byRuntime.status == 5, "runtime: \(name), byte \(place): \(byRuntime.errors)")
                #expect(!File.exists(folder + "/results"), "\(name)")
                #expect(try Folder.names(in: las.lash + "/runs") == runs, "\(name)")
                try flip(folder + "/x.las", at: place)
            }
            #expect(try runtime(las).status == 0)
        }
    }

    @Test func theRuntimeChecksAFileOnceUntilItChanges() throws {
        try withSigned { folder, las in
            func checks() throws -> Bool {
                let ended = try runtime(las)
                #expect(ended.status == 0, "\(ended.errors)")
                return ended.errors.contains("checking ")
            }
            // What changed a moment ago could change again without its time telling.
            sleep(2)
            #expect(try checks())
            #expect(try !checks())
            try flip(folder + "/x.las", at: 5000)
            try flip(folder + "/x.las", at: 5000)
            #expect(try checks(), "the same bytes, size and time, but somebody has written to it")
        }
    }

    @Test(.enabled(if: Program.find("strace") != nil, "strace counts what is read"))
    func lasReadsAFileOnceUntilItChanges() throws {
        try withSigned { folder, las in
            /// How many bytes of the bundle are read.
            func read() throws -> Int {
                let strace = Program(
                    "strace", environment: ["HOME": folder, "LASH": las.lash, "PATH": "/usr/bin:/bin"], folder: folder)
                let ended = try strace.run(
                    "-ff", "-y", "-e", "trace=pread64,read,copy_file_range", "-o", folder + "/trace", BuiltPrograms.las,
                    "run", "--fresh", "x.las")
                #expect(ended.status == 0, "\(ended.errors)")
                // A file for each thread, so that no call is told in two halves.
                let traces = try Folder.names(in: folder).filter { $0.hasPrefix("trace.") }.map { folder + "/" + $0 }
                defer { for trace in traces { File.remove(trace) } }
                return try traces.flatMap { String(decoding: try File.read($0), as: UTF8.self).split(separator: "\n") }
                    .filter { $0.contains("/x.las>") }
                    .reduce(0) { $0 + (Int($1.split(separator: " ").last ?? "") ?? 0) }
            }
            let size = Int(try #require(File.status(folder + "/x.las")).size)
            sleep(2)
            #expect(try read() > size * 9 / 10)
            #expect(try read() < size / 10)
            try flip(folder + "/x.las", at: 5000)
            try flip(folder + "/x.las", at: 5000)
            #expect(try read() > size * 9 / 10)
        }
    }
}
