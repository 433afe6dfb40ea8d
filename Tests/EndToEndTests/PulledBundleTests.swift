import Files
import JSON
import TestSupport
import Testing

/// A bundle goes through a real registry, beside the image that was made of it, and comes back as it was.
@Suite(
    .enabled(if: BuiltPrograms.areThere && RegistryServer.missing == nil, "needs las (make build) and docker-registry"))
struct PulledBundleTests {
    private func told(_ ended: Program.Ended) throws -> JSONValue {
        try #require(ended.status == 0, "\(ended.errors)")
        return try JSONText.parse(Array(ended.output.utf8))
    }

    @Test func aBundleComesBackWithItsIdentityAndRuns() throws {
        try withScratch { folder in
            try Folder.make(folder + "/registry")
            let server = try RegistryServer(in: folder + "/registry")
            let template = try Template("word-count", in: folder)
            let las = template.las
            let name = "\(server.address)/words"
            let packed = try told(try las("pack", "metro", "--output", "x.las", "--json"))
            let pushed = try told(try las("push", "x.las", "\(name):1", "--with-bundle", "--json"))
            let pulled = try las("pull", "\(name):1", "--json")
            #expect(try told(pulled)["output"]?.string == folder + "/words.las", "\(pulled.errors)")
            #expect(try told(pulled)["identity"]?.string == packed["identity"]?.string)
            #expect(try Program("cmp").run(folder + "/x.las", folder + "/words.las").status == 0)
            #expect(File.status(folder + "/words.las").map { $0.mode & 0o777 } == 0o755)
            // It runs by itself, and as the one that was sent.
            let bundle = Program(
                folder + "/words.las", environment: ["HOME": folder, "LASH": folder + "/l", "PATH": "/usr/bin:/bin"],
                folder: folder)
            let ended = try bundle.run("run", "--results", "there")
            #expect(ended.status == 0, "\(ended.errors)")
            try template.run()
            #expect(try Program("diff").run("-r", folder + "/results", folder + "/there").status == 0)

            // The image's digest names the bundle, too; the image itself is there as ever.
            let digest = pushed["digest"]?.string ?? "?"
            let exact = try las("pull", "\(name)@\(digest)", "--output", "exact.las")
            #expect(exact.status == 0 && exact.errors.contains("identity"), "\(exact.errors)")
            #expect(try Program("cmp").run(folder + "/x.las", folder + "/exact.las").status == 0)
            let image = try las("pull", "\(name):1", "--output", "image")
            #expect(image.status == 0 && image.errors.contains(digest), "\(image.errors)")
            let taken = try las("pull", "\(name):1")
            #expect(taken.status == 2 && taken.errors.contains("words.las already"), "\(taken.errors)")

            // Of an edited metro little is sent, of its bundle as well.
            let script = folder + "/metro/metro.yml"
            try File.write(try File.read(script) + Array("# edited\n".utf8), to: script)
            #expect(try las("pack", "metro", "--output", "y.las").status == 0)
            let again = try told(try las("push", "y.las", "\(name):2", "--with-bundle", "--json"))
            let (sent, all) = (again["sent"]?.integer ?? .max, pushed["sent"]?.integer ?? 0)
            #expect(sent * 100 <= all, "\(sent) of \(all) bytes")
            #expect(try las("pull", "\(name):2", "--output", "edited.las").status == 0)
            #expect(try Program("cmp").run(folder + "/y.las", folder + "/edited.las").status == 0)
        }
    }

    @Test func whatIsNoBundleIsSaidAndNothingIsHalfThere() throws {
        try withScratch { folder in
            try Folder.make(folder + "/registry")
            let server = try RegistryServer(in: folder + "/registry")
            let las = try Template("hello", in: folder).las
            let name = "\(server.address)/hello"
            // An image alone is fetched as such.
            try #require(try las("push", "metro", "\(name):1").status == 0)
            let none = try las("pull", "\(name):1", "--output", "h.las")
            #expect(none.status == 2 && none.errors.contains("there is no bundle with \(name):1"), "\(none.errors)")
            #expect(none.errors.contains("--with-bundle"), "\(none.errors)")
            #expect(try las("pull", "\(name):1").status == 0 && File.exists(folder + "/hello.oci.tar"))
            #expect(try las("pull", "\(name):1", "--output", "image").status == 0)
            let image = try las("push", "image", "\(name):3", "--with-bundle")
            #expect(image.status == 2 && image.errors.contains("of which no bundle can be made"), "\(image.errors)")

            // A piece that is not what was sent is refused, by whatever name.
            try #require(try las("push", "metro", "\(name):2", "--with-bundle").status == 0)
            try #require(try las("pack", "metro", "--output", "x.las").status == 0)
            let before = try Folder.names(in: folder)
            let found = try Program("find").run(
                folder + "/registry", "-name", "data", "-size", "+100k", "-printf", "%s %p\n")
            for line in found.lines {
                let words = line.split(separator: " ", maxSplits: 1)
                var bytes = try File.read(String(words[1]))
                bytes[bytes.count / 2] ^= 1
                try File.write(bytes, to: String(words[1]))
            }
            #expect(!found.lines.isEmpty)
            let damaged = try las("pull", "\(name):2", "--output", "d.las")
            #expect(damaged.status == 5 && damaged.errors.contains("not what its manifest says"), "\(damaged.errors)")
            #expect(try Folder.names(in: folder) == before)
        }
    }
}
