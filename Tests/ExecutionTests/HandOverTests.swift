import Digests
import Files
import Glibc
import HostProtocol
import TestSupport
import Testing
import Threads

@testable import Execution

/// A run's folder that is handed over through pipes, as through a pod.
@Suite struct HandOverTests {
    /// Takes over what the folder `there` has into the folder `here`, and says of each line what is to be sent.
    private func taken(
        _ folder: String, logs: [String: Int64] = [:], _ answer: (HandedItem) throws -> String?
    ) throws -> [HandedItem] {
        let (there, here) = (RunFolder(path: folder + "/there"), RunFolder(path: folder + "/here"))
        for path in [here.logs, here.results] { try Folder.make(path) }
        var (inward, outward): ([Int32], [Int32]) = ([0, 0], [0, 0])
        try #require(pipe(&inward) == 0 && pipe(&outward) == 0)
        for end in inward + outward { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let server = try OwnThread { [inward, outward] in
            var handOver = HandOver(there, logs: logs, input: inward[0], output: outward[1])
            try? handOver.perform()
            close(outward[1])
        }
        var taking = TakeOver(here)
        var items: [HandedItem] = []
        var chunk = [UInt8](repeating: 0, count: 1000)
        while true {
            let count = read(outward[0], &chunk, chunk.count)
            if count <= 0 { break }
            taking.feed(Array(chunk[..<count]))
            while let item = try taking.next() {
                items.append(item)
                if let text = try answer(item) { _ = text.withCString { write(inward[1], $0, strlen($0)) } }
            }
        }
        server.join()
        for end in inward + [outward[0]] { close(end) }
        return items
    }

    private func run(_ folder: String) throws -> RunFolder {
        let run = RunFolder(path: folder + "/there")
        for path in [run.logs + "/align", run.results + "/align/deep", run.results + "/empty"] { try Folder.make(path) }
        try File.write(String(repeating: "0123456789", count: 250_000), to: run.results + "/align/deep/large")
        try File.write("", to: run.results + "/align/nothing")
        try File.write("#!/bin/sh\n", to: run.results + "/align/program", mode: 0o755)
        try File.write("first\nsecond\n", to: run.logs + "/align/s1.err")
        let journal = try Journal(run.journal)
        journal.append(.runStarted) { $0.text = "m" }
        journal.append(.runEnded) {
            $0.succeeded = true
            $0.files = ["align/deep/large", "align/nothing", "align/program"].map {
                let bytes = (try? File.read("\(run.results)/\($0)")) ?? []
                return .init(path: $0, size: Int64(bytes.count), digest: Digest(of: bytes))
            }
        }
        try journal.commit()
        return run
    }

    @Test func eventsLogsAndResultsArriveAsTheyAre() throws {
        try withScratch { folder in
            let run = try run(folder)
            var files: [RunEvent.File] = []
            let items = try taken(folder) { item in
                if let event = item.event, event.kind == .runEnded {
                    files = event.files ?? []
                    return "results\n"
                }
                return item.isWhole == true ? "done\n" : nil
            }
            #expect(items.compactMap(\.event).map(\.kind) == [.runStarted, .runEnded])
            for name in ["logs", "results"] {
                let same = try Program("diff").run("-r", "\(folder)/there/\(name)", "\(folder)/here/\(name)")
                #expect(same.status == 0, "\(same.output)")
            }
            #expect(File.status(folder + "/here/results/align/program")?.mode == 0o755)
            #expect(File.exists(HandOver.mark(in: run)))
            let taking = TakeOver(RunFolder(path: folder + "/here"))
            #expect(throws: Never.self) { try taking.check(files) }
            try File.write("changed", to: folder + "/here/results/align/program")
            let changed = #expect(throws: ExecutionFailure.self) { try taking.check(files) }
            #expect(changed?.exitCode == .integrity)
        }
    }

    @Test func whatThereIsOfALogIsNotSentAgain() throws {
        try withScratch { folder in
            _ = try run(folder)
            try Folder.make(folder + "/here/logs/align")
            try File.write("first\n", to: folder + "/here/logs/align/s1.err")
            let logs = TakeOver(RunFolder(path: folder + "/here")).logs
            #expect(logs == ["align/s1.err": 6])
            let items = try taken(folder, logs: logs) { $0.event?.kind == .runEnded ? "done\n" : nil }
            #expect(items.filter { $0.log != nil }.map(\.at) == [6])
            #expect(try File.read(folder + "/here/logs/align/s1.err") == Array("first\nsecond\n".utf8))
        }
    }

    @Test(arguments: [
        #"{"result":"../../out","at":0,"size":1}"#, #"{"log":"/etc/x","at":0,"size":1}"#,
        #"{"result":"a","at":-1,"size":1}"#,
        #"{"result":"a","at":0,"size":-1}"#, #"{"result":"a","at":0,"size":99999999}"#, #"{"result":"a","size":1}"#,
        "Error from server", #"{"result":"..","isFolder":true}"#,
    ])
    func whatIsNoHandOverIsRefused(_ line: String) throws {
        try withScratch { folder in
            var taking = TakeOver(RunFolder(path: folder + "/here"))
            taking.feed(Array((line + "\nx").utf8))
            let refused = #expect(throws: ExecutionFailure.self) { try taking.next() }
            #expect(refused?.exitCode == .integrity)
            let written = try Folder.names(in: folder)
            #expect(written.isEmpty)
        }
    }

    @Test func aLinkInTheWayIsNotFollowed() throws {
        try withScratch { folder in
            try Folder.make(folder + "/here/results")
            try File.write("kept", to: folder + "/outside")
            #expect(symlink(folder + "/outside", folder + "/here/results/a") == 0)
            var taking = TakeOver(RunFolder(path: folder + "/here"))
            taking.feed(Array("{\"result\":\"a\",\"at\":0,\"size\":1}\nx".utf8))
            #expect(throws: (any Error).self) { try taking.next() }
            #expect(try File.read(folder + "/outside") == Array("kept".utf8))
        }
    }
}
