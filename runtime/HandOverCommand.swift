internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import JSON

/// `las-runtime hand-over --work DIR`: in a pod of a cluster, hands the run in that folder over to who started it there. On the standard input
/// comes first a line of JSON, what there is of the logs already.
enum HandOverCommand {
    static func run(_ arguments: [String]) throws {
        let arguments = try Arguments(arguments, valued: ["work"])
        _ = try arguments.take()
        guard let work = arguments["work"] else { throw UsageFailure("hand-over is started by las only") }
        signal(SIGPIPE, SIG_IGN)
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count < 1 << 26, read(0, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        let logs = try JSONText.decode([String: Int64].self, from: line)
        var handOver = HandOver(RunFolder(path: work), logs: logs, input: 0, output: 1)
        try handOver.perform()
    }
}
