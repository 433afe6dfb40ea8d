import Digests
import Files
import TestSupport
import Testing

@testable import Depot

@Suite struct DownloaderTests {
    /// Lends a server of one file, `a`, and what gets it.
    func withServer(breaks: Int = 0, _ body: (LoopbackServer, [UInt8], Download) throws -> Void) throws {
        try withScratch { folder in
            let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 256) }
            try File.write(bytes, to: folder + "/a")
            let server = try LoopbackServer(folder: folder, breaks: breaks)
            defer { server.end() }
            let download = Download(
                address: server.address + "a", path: folder + "/got", what: "a", digest: Digest(of: bytes),
                size: Int64(bytes.count))
            try body(server, bytes, download)
        }
    }

    func get(_ downloads: [Download]) -> [DownloadProblem?] { Downloader { _ in }.get(downloads) }

    @Test func aTransferThatBreaksOffGoesOnWhereItStopped() throws {
        try withServer(breaks: 2) { server, bytes, download in
            #expect(get([download])[0] == nil)
            let got = try File.read(download.path)
            #expect(got == bytes)
            #expect(server.ranges == ["150000", "225000"])
        }
    }

    @Test func whatALaterRunFindsIsNotFetchedAgain() throws {
        try withServer { server, bytes, download in
            try File.write(bytes.prefix(200_000), to: download.path + ".part")
            #expect(get([download])[0] == nil)
            let got = try File.read(download.path)
            #expect(got == bytes)
            #expect(server.ranges == ["200000"])
        }
    }

    @Test func aBeginningOfAnotherFileIsThrownAway() throws {
        try withServer { server, bytes, download in
            try File.write([UInt8](repeating: 0, count: 200_000), to: download.path + ".part")
            #expect(get([download])[0] == nil)
            let got = try File.read(download.path)
            #expect(got == bytes)
        }
    }

    @Test func whatIsLongerThanSaidIsCutOffAndRefused() throws {
        try withServer { _, bytes, download in
            let short = Download(
                address: download.address, path: download.path, what: "a", digest: Digest(of: bytes), size: 1_000)
            let problem = get([short])[0]
            #expect(problem?.kind == .wrong)
            #expect(!File.exists(download.path) && !File.exists(download.path + ".part"))
        }
    }

    @Test func aFileThatIsNotThereIsMissingAndAServerThatIsNotThereUnreachable() throws {
        try withServer { server, _, download in
            let missing = Download(
                address: server.address + "b", path: download.path, what: "b", digest: nil, size: nil)
            let dead = Download(
                address: "http://127.0.0.1:1/", path: download.path + "2", what: "c", digest: nil, size: nil)
            let problems = get([missing, dead, download])
            #expect(problems.map { $0?.kind } == [.missing, .unreachable, nil])
        }
    }
}
