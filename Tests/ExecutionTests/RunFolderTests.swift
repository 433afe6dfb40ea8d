import Files
import Glibc
import HostProtocol
import TestSupport
import Testing

@testable import Execution

@Suite struct RunFolderTests {
    /// A process that begins clears the folder while another one writes a file that is read there, as `las join` does.
    @Test func whatTheDeadLeftGoesAndWhatTheLivingWriteStays() throws {
        try withScratch { scratch in
            let lash = LASH(root: scratch + "/lash")
            let folder = RunFolder(try #require(RunID("r")), in: lash)
            let ended = try Program("sh").run("-c", "echo $$").lines[0]
            let names = ["hosts.json", "hosts.json.new-\(getpid())-7", "hosts.json.new-\(ended)-7"]
            try Folder.make(folder.path)
            for name in names { try File.write("{}", to: "\(folder.path)/\(name)") }
            try folder.clear(in: lash)
            #expect(
                try Folder.names(in: folder.path).filter { $0.hasPrefix("hosts") } == Array(names.prefix(2)).sorted())
        }
    }
}
