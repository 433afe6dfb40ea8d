import Digests
import Files
import Glibc
import HostProtocol
import TestSupport
import Testing

@testable import Hosts

@Suite struct ResultsTests {
    private let run = RunID("a-run")!

    private func files(below folder: String) throws -> [String] {
        try Folder.names(in: folder).flatMap { name -> [String] in
            let path = "\(folder)/\(name)"
            guard File.status(path)?.kind == .folder else { return [name] }
            return [name + "/"] + (try files(below: path)).map { "\(name)/\($0)" }
        }
    }

    @Test func resultsAppearInTheirFolderInThePlaceOfOlderOnes() async throws {
        try await withScratch { folder in
            let results = folder + "/results"
            try Folder.make(results + "/merge")
            try "older".write(to: results + "/merge/all.vcf")
            try "mine".write(to: results + "/notes.txt")
            let session = try await Peer.saying(
                Peer.folder("index") + Peer.folder("index/ref") + Peer.file("index/ref/a", "AAA")
                    + Peer.file("merge/all.vcf", "newer") + Peer.file("merge/run.sh", "", executable: true) + [
                        Peer.done
                    ],
                in: folder)
            let fetched = try await session.fetch(run, into: results)
            await session.close()
            #expect(
                fetched.map(\.path.string) == ["index", "index/ref", "index/ref/a", "merge/all.vcf", "merge/run.sh"])
            #expect(fetched.map(\.size) == [0, 0, 3, 5, 0])
            #expect(
                try files(below: results) == [
                    "index/", "index/ref/", "index/ref/a", "merge/", "merge/all.vcf", "merge/run.sh", "notes.txt",
                ])
            #expect(try text(of: results + "/merge/all.vcf") == "newer")
            #expect(File.status(results + "/merge/run.sh")?.mode == 0o755)
        }
    }

    @Test(arguments: [
        Peer.file("../escaped", "x"), Peer.file("/tmp/las-escaped", "x"), Peer.file("a/../../escaped", "x"),
        Peer.file("a//b", "x"), Peer.file("", "x"), Peer.file(".ssh/authorized_keys", "x"), Peer.folder("../up"),
        Peer.file("a\0b", "x"),
        Peer.file("s/twice", "x") + Peer.file("s/twice", "y"),
        Peer.file("s/parent", "x") + Peer.file("s/parent/child", "y"),
        Peer.folder("s/both") + Peer.file("s/both", "y"),
        Peer.file("s/long", "more than announced", size: 4), Peer.file("s/short", "less", size: 100),
        Peer.file("s/negative", "x", size: -1), Peer.file("s/changed", "x", digest: Digest(of: "y")),
        [Peer.file("s/endless", "x", size: 1)[0], Peer.done],
        [Frame(kind: .data, payload: [1])], [Frame(.fileEnd, json: FileEnd(digest: nil))],
        [Frame(kind: .file, payload: Array("{".utf8))],
        Peer.file("s/folder", "has bytes", kind: .folder),
    ])
    func whatIsNotWhatItMustBeLeavesNothing(_ frames: [Frame]) async throws {
        try await withScratch { folder in
            let results = folder + "/results"
            try Folder.make(results + "/s")
            try "older".write(to: results + "/s/good")
            let session = try await Peer.saying(Peer.file("s/good", "newer") + frames + [Peer.done], in: folder)
            do {
                _ = try await session.fetch(run, into: results)
                Issue.record("these results were taken")
            } catch let failure as HostFailure {
                #expect(failure.exitCode == .integrity, "\(failure)")
            } catch let failure as ProtocolFailure {
                #expect(failure.exitCode == .integrity, "\(failure)")
            }
            await session.close()
            #expect(try files(below: results) == ["s/", "s/good"])
            #expect(try text(of: results + "/s/good") == "older")
            #expect(!File.exists(folder + "/escaped") && !File.exists("/tmp/las-escaped"))
        }
    }

    @Test func controlCharactersAreNeverShown() async throws {
        try await withScratch { folder in
            let session = try await Peer.saying(Peer.file("s/\u{1B}[2Ja\nb", "x") + [Peer.done], in: folder)
            let fetched = try await session.fetch(run, into: folder + "/results")
            await session.close()
            #expect(fetched.map(\.shown) == ["s/\u{FFFD}[2Ja\u{FFFD}b"])
        }
    }

    @Test func whatOthersMadeIsNotRemoved() async throws {
        try await withScratch { folder in
            let results = folder + "/results"
            try Folder.make(results + "/s/x")
            try "mine".write(to: results + "/s/x/precious")
            let session = try await Peer.saying(Peer.file("s/a", "a") + Peer.file("s/x", "b") + [Peer.done], in: folder)
            let failure = await #expect(throws: HostFailure.self) { try await session.fetch(run, into: results) }
            await session.close()
            #expect(failure?.summary == "the result s/x can't be put into \(results): a folder of that name is there")
            #expect(try files(below: results) == ["s/", "s/x/", "s/x/precious"])
        }
    }

    /// A host that hangs up when it has heard what is asked of it.
    private func hangingUp(_ says: [UInt8], _ asked: Fetch, in folder: String) async throws -> HostSession {
        try File.write(Peer.hello.bytes + says, to: folder + "/says")
        let heard =
            Frame(.hello, json: Hello(version: Frame.version, program: "las test", host: nil)).bytes
            + Frame(.fetch, json: asked).bytes
        let session = try HostSession(.local)
        try await session.open(
            ProcessChannel(
                "/bin/sh",
                ["-c", "cat \"$0\"; head -c \(heard.count) > \"$1\"", folder + "/says", folder + "/heard"],
                environment: ["PATH": "/usr/bin:/bin"], waiter: session.waiter), as: "las test")
        return session
    }

    @Test func whatHasComeBeforeAConnectionIsCutIsNotSentAgain() async throws {
        try await withScratch { folder in
            let results = folder + "/results"
            let long = String(repeating: "b", count: 1000)
            // The first frame of the second file's bytes comes, and its end does not.
            let half = Frame(kind: .data, payload: Array(long.utf8.prefix(600)))
            let header = FileHeader(path: "s/b", kind: .file, size: 1000, executable: true)
            let frames = Peer.file("s/a", "a") + [Frame(.file, json: header), half]
            let session = try await hangingUp(frames.flatMap(\.bytes), Fetch(run: run), in: folder)
            let failure = await #expect(throws: HostFailure.self) { try await session.fetch(run, into: results) }
            #expect(failure?.kind == .cut && failure?.exitCode == .unreachable)
            // Nothing is in its place.
            #expect(try files(below: results).allSatisfy { $0.hasPrefix(".las-results.a-run/") })
            // It is cut once more, before anything comes.
            let begun = [
                BegunFile(path: "s/b", size: 600, digest: Digest(of: long.utf8.prefix(600))),
                BegunFile(path: "s/a", size: 1, digest: Digest(of: "a".utf8)),
            ]
            let asked = Fetch(run: run, begun: begun)
            let second = try await hangingUp([], asked, in: folder)
            await #expect(throws: HostFailure.self) { try await second.fetch(run, into: results) }
            #expect(
                try File.read(folder + "/heard").suffix(Frame(.fetch, json: asked).bytes.count)
                    == Frame(.fetch, json: asked).bytes[...])
            // What lies there goes on: one whole, one from where it was.
            let rest = Frame(kind: .data, payload: Array(long.utf8.suffix(400)))
            func from(_ header: FileHeader, _ count: Int64) -> Frame {
                var header = header
                header.from = count
                return Frame(.file, json: header)
            }
            let third = try await Peer.saying(
                [
                    from(FileHeader(path: "s/a", kind: .file, size: 1, executable: false), 1),
                    Frame(.fileEnd, json: FileEnd(digest: Digest(of: "a".utf8))),
                    from(header, 600), rest, Frame(.fileEnd, json: FileEnd(digest: Digest(of: long.utf8))), Peer.done,
                ], in: folder)
            let fetched = try await third.fetch(run, into: results)
            await third.close()
            #expect(fetched.map(\.size) == [1, 1000])
            #expect(try files(below: results) == ["s/", "s/a", "s/b"])
            #expect(try text(of: results + "/s/b") == long)
            #expect(File.status(results + "/s/b")?.mode == 0o755)
        }
    }

    @Test func aHostCanNotLeaveOutWhatIsNotHere() async throws {
        try await withScratch { folder in
            var header = FileHeader(path: "s/a", kind: .file, size: 3, executable: false)
            header.from = 2
            let session = try await Peer.saying(
                [
                    Frame(.file, json: header), Frame(kind: .data, payload: [0x61]),
                    Frame(.fileEnd, json: FileEnd(digest: Digest(of: "aaa".utf8))), Peer.done,
                ], in: folder)
            let failure = await #expect(throws: HostFailure.self) {
                try await session.fetch(run, into: folder + "/results")
            }
            await session.close()
            #expect(failure?.summary == "the host leaves out bytes of s/a that are not here")
            #expect(try files(below: folder + "/results") == [])
        }
    }
}
