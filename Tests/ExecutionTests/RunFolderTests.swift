import Digests
import Files
import Glibc
import HostProtocol
import TestSupport
import Testing
import Threads

@testable import Execution

@Suite struct RunFolderTests {
    /// A process that begins clears the folder while another one writes a file that is read there, as `las join` does.
    @Test func whatTheDeadLeftGoesAndWhatTheLivingWriteStays() throws {
        try withScratch { scratch in
            let lash = LASH(root: scratch + "/lash")
            let folder = RunFolder(try #require(RunID("r")), in: lash)
            // No process has a number like this.
            let ended = 4_194_999
            let names = ["hosts.json", "hosts.json.new-\(getpid())-7", "hosts.json.new-\(ended)-7"]
            try Folder.make(folder.path)
            for name in names { try File.write("{}", to: "\(folder.path)/\(name)") }
            try folder.clear(in: lash)
            #expect(
                try Folder.names(in: folder.path).filter { $0.hasPrefix("hosts") } == Array(names.prefix(2)).sorted())
        }
    }

    /// A killed process is there until its parent asks for its end, which may be later than the run goes on.
    @Test func whatAKilledProcessLeftGoesAlsoWhereItsParentWaits() throws {
        try withScratch { scratch in
            let lash = LASH(root: scratch + "/lash")
            let folder = RunFolder(RunID("killed")!, in: lash)
            try folder.make(
                for: RunStart(
                    run: RunID("killed")!, metro: .init(path: "/x", offset: 0, size: 1, digest: Digest(of: "x")),
                    environments: [:]))
            var process = pid_t(0)
            let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
            try #require(posix_spawnp(&process, "true", nil, nil, arguments, environ) == 0)
            defer { waitpid(process, nil, 0) }
            var end = siginfo_t()
            try #require(waitid(P_PID, id_t(process), &end, WEXITED | WNOWAIT) == 0)
            try File.write("\(process)\n", to: folder.pid)
            let left = try Folder.makeTemporary(in: lash.temporary, named: "task")
            let named = left.split(separator: "-").dropLast(2).joined(separator: "-") + "-\(process)-x"
            try File.rename(left, to: "/" + named.drop { $0 == "/" })
            try folder.clear(in: lash)
            #expect(try Folder.names(in: lash.temporary) == [])
        }
    }

    /// Who was told a run's end may resume it at once, while its process puts away what is left.
    @Test func itIsResumedWhenItsProcessLetsGo() throws {
        try withScratch { scratch in
            let lash = LASH(root: scratch + "/lash")
            let run = try #require(RunID("r"))
            let folder = RunFolder(run, in: lash)
            try Folder.make(folder.path)
            try File.write("not read", to: folder.start)
            var journal: Journal? = try Journal(folder.journal)
            journal?.append(.runEnded) { $0.succeeded = false }
            try journal?.commit()
            #expect(RunList(lash).unfinished == run && Journal.isHeld(folder.journal))
            let held = Monitor(journal)
            journal = nil
            let letting = try OwnThread {
                usleep(100_000)
                held.change { $0 = nil }
            }
            let refused = #expect(throws: ExecutionFailure.self) { try folder.startOfResumed(in: lash) }
            #expect(refused?.summary == "the run's start.json can't be read")
            letting.join()
        }
    }
}
