internal import Digests
internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Parts

/// `las-runtime serve`: the host's side of the host protocol, on the standard input and output.
enum ServeCommand {
    static func run(_ arguments: [String]) throws {
        let arguments = try Arguments(arguments, valued: ["lash", "expect"], flags: ["own", "examine"])
        _ = try arguments.take()
        let lash = try Bundles.lash(arguments)
        if let text = arguments["expect"] {
            guard let digest = Digest(hex: text) else { throw UsageFailure("--expect takes a digest") }
            try Adoption.check(digest, in: lash)
        }
        signal(SIGPIPE, SIG_IGN)
        // The protocol has its descriptors for itself: nothing else that is written gets among the frames.
        let (input, output) = (fcntl(0, F_DUPFD_CLOEXEC, 10), fcntl(1, F_DUPFD_CLOEXEC, 10))
        let none = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard input >= 0, output >= 0, none >= 0, dup2(none, 0) == 0, dup2(2, 1) == 1 else {
            throw FileFailure("use", "the standard input and output")
        }
        // `las run` starts what its own user has packed; what such a user must not run, las itself has refused.
        let policy = HostPolicy(lash)
        let asked =
            arguments.has("own")
            ? HostService.Policy.none
            : HostService.Policy(demandsSignature: policy.demandsSignature, admit: policy.admit)
        try HostService(
            lash, input: input, output: output, program: Version.text, runtime: "/proc/self/exe", policy: asked,
            examines: arguments.has("examine")
        ).serve()
    }
}

/// `las-runtime line WORD NUMBER`: a further channel of the one where `serve` runs, which takes it over.
enum LineCommand {
    static func run(_ arguments: [String]) throws {
        let arguments = try Arguments(arguments, valued: ["lash", "expect"], flags: [])
        let words = try arguments.take("the word", "the number")
        let lash = try Bundles.lash(arguments)
        guard let number = UInt8(words[1]) else { throw UsageFailure("line is started by las only") }
        if let text = arguments["expect"] {
            guard let digest = Digest(hex: text) else { throw UsageFailure("--expect takes a digest") }
            try Adoption.check(digest, in: lash)
        }
        try DataLine.perform(lash, word: words[0], number: number, input: 0, output: 1)
    }
}

/// `las-runtime settle`: waits until the disk has the parts that came; started by `serve`, which does not wait.
enum SettleCommand {
    static func run(_ arguments: [String]) throws {
        let arguments = try Arguments(arguments, valued: ["lash"], flags: [])
        _ = try arguments.take()
        PartStore(try Bundles.lash(arguments)).settle()
    }
}

/// `las-runtime piece`: the process of one run, started by `serve`. Its descriptors: 0 the tether, or with `--leased` the socket on
/// which connections are handed over, 3 the journal, and with `--secrets` 4 what the stations may know.
enum PieceCommand {
    static func run(_ arguments: [String]) throws -> ExitCode {
        let arguments = try Arguments(arguments, valued: ["lash"], flags: ["tethered", "secrets", "leased"])
        guard let run = RunID(try arguments.take("the run's name")[0]), let root = arguments["lash"] else {
            throw UsageFailure("piece is started by serve only")
        }
        let lash = LASH(root: root)
        let folder = RunFolder(run, in: lash)
        _ = fcntl(3, F_SETFD, FD_CLOEXEC)
        let journal = try Journal(adopting: 3, path: folder.journal)
        let secrets = arguments.has("secrets") ? try PassedSecrets.take(4) : [:]
        let start = try folder.readStart()
        if arguments.has("leased") {
            _ = fcntl(0, F_SETFD, FD_CLOEXEC)
            try LeasedPiece(start, folder: folder, in: lash, journal: journal, listening: 0, secrets: secrets).perform()
            return .done
        }
        if start.cluster?.engine == KubernetesPiece.engine {
            return KubernetesPiece.perform(start, folder: folder, in: lash, journal: journal)
        }
        if start.cluster != nil { return SlurmPiece.perform(start, folder: folder, in: lash, journal: journal) }
        let piece = Piece(start, folder: folder, in: lash, journal: journal) { secrets[$0] }
        return piece.perform(tether: arguments.has("tethered") ? 0 : nil).exitCode
    }
}
