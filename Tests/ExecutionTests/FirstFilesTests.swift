import Files
import Glibc
import Plan
import TestSupport
import Testing

/// The shell, the loader and the C library of an image that is mounted are kept unpacked for the next run.
@Suite struct FirstFilesTests {
    private static let engines =
        (OrdinaryUser.isRootHere ? ["kernel"] : []) + (access("/dev/fuse", R_OK | W_OK) == 0 ? ["fuse"] : [])

    @Test(arguments: engines) func theNextRunStartsFromThem(_ engine: String) throws {
        try withScratch { scratch in
            let look = "cat /proc/self/mountinfo > {out}; wc -c < /bin/bash >> {out}; ! echo x > /bin/bash"
            let bundles = BundleRunTests()
            let bundle = try bundles.bundle(plan([station("look", look)]), in: scratch)
            func run() throws -> String {
                let ended = try bundles.start(
                    bundle, "run", "--fresh", "--engine", engine, "--lash", "lash", "--results", "out", in: scratch)
                try #require(ended.status == 0, "\(ended.errors)")
                return String(decoding: try File.read(scratch + "/out/look/out.txt"), as: UTF8.self)
            }
            let first = try run()
            #expect(!first.contains(".first/"))
            let environment = try TestImages.part(.environment, "main", TestImages.environment).part.digest
            let names = try Folder.names(in: "\(scratch)/lash/images/\(environment.hex).first")
            #expect(names.contains("bin:bash") && names.contains { $0.hasSuffix(":libc.so.6") }, "\(names)")
            #expect(((try? Folder.names(in: scratch + "/lash/tmp")) ?? []).isEmpty)
            let next = try run()
            for name in names where name != "list" {
                #expect(next.contains("\(environment.hex).first/\(name) "), "\(name)")
            }
            // The same file to look at.
            #expect(next.split(separator: "\n").last == first.split(separator: "\n").last)
        }
    }

    @Test(arguments: engines.suffix(1)) func whatIsNotAsItWasIsNotShown(_ engine: String) throws {
        try withScratch { scratch in
            let bundles = BundleRunTests()
            let bundle = try bundles.bundle(plan([station("look", "cat /proc/self/mountinfo > {out}")]), in: scratch)
            func isShown() throws -> Bool {
                let ended = try bundles.start(
                    bundle, "run", "--fresh", "--engine", engine, "--lash", "lash", "--results", "out", in: scratch)
                try #require(ended.status == 0, "\(ended.errors)")
                return String(decoding: try File.read(scratch + "/out/look/out.txt"), as: UTF8.self).contains(".first/")
            }
            #expect(try !isShown())
            #expect(try isShown())
            let environment = try TestImages.part(.environment, "main", TestImages.environment).part.digest
            let folder = "\(scratch)/lash/images/\(environment.hex).first"
            let whole = try names(folder)
            let libc = "\(folder)/\(try #require(whole.first { $0.hasSuffix(":libc.so.6") }))"
            let bytes = try File.read(libc)
            let changes: [() throws -> Void] = [
                { truncate(libc, 4096) },
                { try File.write(bytes, to: libc, mode: 0o755) },
                { try File.write("", to: folder + "/usr:bin:another") },
                { File.remove(libc) },
                { File.remove(folder + "/list") },
            ]
            for change in changes {
                try change()
                #expect(try !isShown())
                #expect(try names(folder) == whole)
                #expect(try isShown())
                #expect(try File.read(libc) == bytes)
            }
        }
    }

    private func names(_ folder: String) throws -> [String] { try Folder.names(in: folder).sorted() }
}
