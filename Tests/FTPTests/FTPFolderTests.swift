import Digests
import FTP
import Files
import Glibc
import Metro
import TestSupport
import Testing
import Workspaces

/// A real server, asked by libcurl.
@Suite(.enabled(if: FTPServer.missing == nil, "python3-pyftpdlib is needed")) struct FTPFolderTests {
    private func serve(_ folder: String, _ manner: FTPServer.Manner = .init()) throws -> FTPServer {
        for name in ["server", "served"] { try Folder.make("\(folder)/\(name)") }
        return try FTPServer(in: folder + "/server", serving: folder + "/served", manner)
    }

    private func reach(_ server: FTPServer, _ scheme: String = "ftp", password: String? = nil) throws -> FTPFolder {
        try FTPFolder(
            FileServer("\(scheme)://\(server.user)@127.0.0.1:\(server.port)/deep%20dir/panel"),
            password: password ?? server.password)
    }

    private func put(_ text: String, _ path: RelativePath, _ remote: FTPFolder, in folder: String) throws {
        try File.write(text, to: folder + "/new")
        let file = try File.open(folder + "/new", O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(file) }
        let digest = try remote.put(file, size: Int64(text.utf8.count), as: path, makesFolder: true)
        #expect(digest == Digest(of: text))
    }

    @Test func filesOfAnyNameGoThereAndComeBack() throws {
        try withScratch { folder in
            let server = try serve(folder)
            defer { server.stop() }
            let remote = try reach(server)
            let names = [
                "plain", "with space", " before", "after ", "ä ö 漢字 🚇", "a%20b", "q?#&;=", "-rf", "~root", "\"'\\",
                "a:b",
                "RNFR x", "*.txt", "[1]",
            ]
            for (number, name) in names.enumerated() {
                let upload = try #require(RelativePath(".las-upload"))
                try put("\(number) \(name)\n", upload, remote, in: folder)
                let path = try #require(RelativePath("in \(name)/\(name)"))
                try remote.makeFolder(try #require(path.parent))
                try remote.makeFolder(try #require(path.parent))
                #expect(try remote.item(at: path) == nil)
                try remote.rename(upload, to: path)
                let lies = "\(folder)/served/deep dir/panel/\(path)"
                #expect(try File.read(lies) == Array("\(number) \(name)\n".utf8))
            }
            let (items, unreadable) = try remote.list()
            #expect(unreadable.isEmpty)
            #expect(Set(items.keys.map(\.string)) == Set(names.flatMap { ["in \($0)", "in \($0)/\($0)"] }))
            for (number, name) in names.enumerated() {
                let path = try #require(RelativePath("in \(name)/\(name)"))
                #expect(try remote.item(at: path) == items[path])
                let file = try File.open(
                    folder + "/came", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, mode: 0o600, action: "write")
                defer { close(file) }
                let came = try remote.get(path, into: file)
                #expect(came.digest == Digest(of: "\(number) \(name)\n") && came.size == items[path]?.stamp.size)
                try remote.remove(path, isFolder: false)
                try remote.remove(try #require(path.parent), isFolder: true)
            }
            #expect(try remote.list().items.isEmpty)
        }
    }

    @Test func aNameIsNoCommand() throws {
        try withScratch { folder in
            let server = try serve(folder)
            defer { server.stop() }
            let remote = try reach(server)
            try put("x", try #require(RelativePath("kept")), remote, in: folder)
            let bad = try #require(RelativePath("x\r\nDELE kept"))
            #expect(throws: RemoteTrouble.self) { try remote.item(at: bad) }
            #expect(throws: RemoteTrouble.self) { try remote.makeFolder(bad) }
            #expect(throws: RemoteTrouble.self) { try remote.remove(bad, isFolder: false) }
            #expect(throws: RemoteTrouble.self) { try put("x", bad, remote, in: folder) }
            // One that another program has made there is two lines of a list, and none of them a file.
            try File.write("x", to: folder + "/served/deep dir/panel/two\nlines")
            #expect(try remote.list().items.keys.map(\.string).filter { !$0.hasPrefix("two") } == ["kept"])
        }
    }

    @Test func whatIsWrongIsSaid() throws {
        try withScratch { folder in
            var server: FTPServer? = try serve(folder)
            func trouble(_ remote: FTPFolder) throws -> RemoteTrouble {
                try #require(throws: RemoteTrouble.self) { try remote.list() }
            }
            let running = try #require(server)
            let wrong = try trouble(try reach(running, password: "wrong"))
            #expect(wrong.kind == .hopeless && wrong.summary.contains("does not let alice in"), "\(wrong)")
            let plain = try trouble(try reach(running, "ftpes"))
            #expect(plain.kind == .hopeless && plain.summary.contains("does not encrypt"), "\(plain)")
            #expect(try trouble(try reach(running)).kind != .away)
            let remote = try reach(running)
            server = nil
            running.stop()
            #expect(try trouble(remote).kind == .away)
            var manner = FTPServer.Manner()
            manner.lacks = "MLSD"
            try running.start(manner)
            try Folder.make(folder + "/served/deep dir/panel")
            let old = try trouble(remote)
            #expect(old.kind == .hopeless && old.cause?.contains("MLSD") ?? false, "\(old)")
        }
    }
}
