internal import Cluster
internal import Digests
internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import JSON

/// `las-conductor [--stay SECONDS] [--again WORD] WORK RUN STATIONS…`: in a pod, releases the Jobs of a run's stations one after another.
///
/// `--stay`: after the end of the run it waits so long for who brings the run home, which goes through its pod. `--again`: what was
/// cancelled or had failures goes on, once for each such word.
///
/// Which Job is which station's stand in files; the metro is the image's own. What happens is printed, an event a line.
enum ConductorProgram {
    /// Where the metro lies in an image of las.
    private static let plan = "/.las/plan.json"

    static func perform(_ given: [String]) throws -> Int32 {
        let (options, arguments) = Self.options(given)
        guard arguments.count >= 3, let run = RunID(arguments[1]) else {
            throw Usage(
                summary:
                    "las-conductor takes a folder, the name of a run, and files that say which Job is which station's")
        }
        signal(SIGPIPE, SIG_IGN)
        // The first process of a container gets no signal that it does not ask for.
        for wanted in [SIGTERM, SIGINT, SIGHUP] { signal(wanted) { _ in _exit(143) } }
        let text = try File.read(plan, atMost: 256 << 20)
        let folder = try StepFolder(arguments[0], run: run, metro: Digest(of: text)) { text }
        var stations: [StationJobs.Entry] = []
        for path in arguments.dropFirst(2) {
            stations += try JSONText.decode(StationJobs.self, from: try File.read(path, atMost: 16 << 20)).stations
        }
        var conductor = Conductor(
            try ClusterServer(environment()), folder, StationJobs(stations),
            rest: { usleep(UInt32($0 * 1_000_000)) },
            tell: { write(String(decoding: JSONText.encode($0), as: UTF8.self), to: 1) },
            note: { write($0, to: 2) })
        let goesOn = try options["again"].map { try isNew($0, in: folder.run) } ?? false
        let end = try conductor.perform(goesOn: goesOn, now: now)
        let leaves = now() + (options["stay"].flatMap(Double.init) ?? 0)
        while now() < leaves, !File.exists(HandOver.mark(in: folder.run)) { usleep(500_000) }
        return end.succeeded == true ? ExitCode.done.rawValue : ExitCode.stationsFailed.rawValue
    }

    private static func options(_ given: [String]) -> (options: [String: String], words: [String]) {
        var (options, words): ([String: String], ArraySlice<String>) = ([:], given[...])
        while let word = words.first, word.hasPrefix("--"), words.count > 1 {
            options[String(word.dropFirst(2))] = words[words.startIndex + 1]
            words = words.dropFirst(2)
        }
        return (options, Array(words))
    }

    /// Another conductor may have been told so before this one, which took its place.
    private static func isNew(_ word: String, in folder: RunFolder) throws -> Bool {
        let mark = folder.path + "/went-on-\(Digest(of: word).short)"
        if File.exists(mark) { return false }
        File.remove(HandOver.mark(in: folder))
        try File.write([], to: mark)
        return true
    }

    private struct Usage: Failure {
        let summary: String
        let exitCode = ExitCode.usage
    }

    private static func environment() -> [String: String] {
        var found: [String: String] = [:]
        for name in ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"] {
            if let value = getenv(name) { found[name] = String(cString: value) }
        }
        return found
    }

    private static func now() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    static func write(_ line: String, to descriptor: Int32) {
        try? File.writeAll(Array((line + "\n").utf8), to: descriptor, path: "standard output")
    }
}

do {
    exit(try ConductorProgram.perform(Array(CommandLine.arguments.dropFirst())))
} catch {
    let failure = error as? any Failure
    ConductorProgram.write("error: " + Shown.whole(failure?.description ?? "\(error)", keepingLines: true), to: 2)
    exit(failure?.exitCode.rawValue ?? ExitCode.resources.rawValue)
}
