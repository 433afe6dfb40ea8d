import CLinux
import Files
import Glibc
import HostProtocol

@testable import Execution

/// A host's whole side, fed by somebody who wants it no good.
enum ReadByHost {
    static func read(_ bytes: [UInt8], in scratch: String) {
        let input = las_memory_file()
        let output = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer {
            close(input)
            close(output)
        }
        guard input >= 0, output >= 0 else { return }
        try? File.writeAll(Seeds.greeting + bytes, to: input, path: "the input")
        lseek(input, 0, SEEK_SET)
        let service = HostService(
            LASH(root: scratch + "/lash"), input: input, output: output, program: "fuzzed", runtime: "/bin/true",
            policy: .none)
        try? service.serve()
    }
}
