import Files
import Foundation
import TestSupport
import Testing

/// A bundle as someone has it who has no las.
@Suite struct BundleTests {
    static let hello: Result<String, any Error> = Result {
        let folder = "/tmp/las-tests/hello-\(getpid())"
        try? Folder.remove(folder)
        try Folder.make(folder)
        let las = LasCommand(in: folder)
        try las("new", "hello", "m")
        let packed = try las("pack", "m")
        if packed.status != 0 { throw LambdaVariants.Unpacked(errors: packed.errors) }
        return folder + "/hello.las"
    }

    /// Nothing but a home and a PATH that leads nowhere.
    private func bare(_ bundle: String, in folder: String) -> Program {
        Program(bundle, environment: ["HOME": folder, "PATH": "/nonexistent"], folder: folder)
    }

    @Test func itRunsByItself() throws {
        let bundle = try Self.hello.get()
        try withScratch { folder in
            let ended = try bare(bundle, in: folder).run("run", "--results", "out")
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(File.exists(folder + "/out/hello/hello.txt"))
        }
    }

    /// Packing again after an edit looks at neither packages nor layers; a las that does makes the same bytes.
    @Test func packingAgainNeedsNoLayers() throws {
        try withScratch { folder in
            let lash = try makeLash(in: folder)
            let las = LasCommand(in: folder, lash: lash)
            try las("new", "hello", "m")
            #expect(try las("pack", "m").status == 0)
            let metro = folder + "/m/metro.yml"
            try File.write(try File.read(metro) + Array("# edited\n".utf8), to: metro)
            for kept in ["layers", "packages", "archives"] { try Folder.remove("\(lash)/\(kept)") }
            let packed = try las("pack", "m", "--output", "again.las")
            #expect(packed.status == 0, "\(packed.errors)")
            #expect(!File.exists(lash + "/layers"))
            let other = LasCommand(in: folder, lash: try makeLash(in: folder, named: "other"))
            #expect(try other("pack", "m", "--output", "other.las").status == 0)
            #expect(try Program("cmp").run(folder + "/again.las", folder + "/other.las").status == 0)
            #expect(try Program("cmp").run(folder + "/again.las", folder + "/hello.las").status == 1)
        }
    }

    @Test(arguments: ["kernel", "extraction"]) func itRunsByEitherEngine(_ engine: String) throws {
        if engine == "kernel", geteuid() != 0 { return }
        let bundle = try Self.hello.get()
        try withScratch { folder in
            let ended = try bare(bundle, in: folder).run("run", "--engine", engine)
            #expect(ended.status == 0, "\(ended.errors)")
            #expect((ended.output + ended.errors).contains("hello runs here; engine: \(engine)"))
        }
    }

    @Test func aTruncatedBundleIsRefused() throws {
        let bundle = try Self.hello.get()
        try withScratch { folder in
            let bytes = try File.read(bundle)
            for (count, name) in [(bytes.count - 1, "a"), (bytes.count * 3 / 4, "b"), (bytes.count - 5000, "c")] {
                try File.write(bytes[..<count], to: "\(folder)/\(name).las", mode: 0o755)
                let ended = try bare("\(folder)/\(name).las", in: folder).run("run")
                #expect(ended.status == 5, "\(count): \(ended.errors)")
                let known = try LasCommand(in: folder)("run", "\(name).las")
                #expect(known.status == 5, "\(count): \(known.errors)")
                #expect(!File.exists(folder + "/results"))
            }
        }
    }

    @Test func aFlippedBitAnywhereBehindTheRuntimeIsFound() throws {
        let bundle = try Self.hello.get()
        try withScratch { folder in
            let lash = try makeLash(in: folder)
            var bytes = try File.read(bundle)
            let runtime = try #require(File.status(BuiltPrograms.runtime)).size
            let room = bytes.count - Int(runtime)
            for place in [
                Int(runtime) + 5000, Int(runtime) + room / 3, Int(runtime) + room * 2 / 3, bytes.count - 9000,
                bytes.count - 20,
            ] {
                bytes[place] ^= 4
                try File.write(bytes, to: folder + "/x.las", mode: 0o755)
                let ended = try LasCommand(in: folder, lash: lash)("run", "x.las")
                #expect(ended.status == 5, "at \(place) of \(bytes.count): \(ended.errors)")
                #expect(try bare(folder + "/x.las", in: folder).run("run").status == 5)
                #expect(!File.exists(folder + "/results"))
                bytes[place] ^= 4
            }
        }
    }
}
