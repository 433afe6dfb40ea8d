internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import JSON
internal import Plan

/// The metro of the container that the runtime is in: what `las pack --format oci` wrote.
struct ContainerMetro {
    private let plan: Plan
    /// Which environment the image holds, where the metro has several.
    private let own: String?
    /// The names of those that are here.
    var environments: [String] { own.map { [$0] } ?? plan.environments.map(\.id.name) }

    /// - Returns: nil outside of such a container.
    static func here() throws -> ContainerMetro? {
        let file = ContainerRoot.metro + "/plan.json"
        guard File.real("/proc/self/exe") == ContainerRoot.program, File.exists(file) else { return nil }
        let named = ContainerRoot.metro + "/environment"
        let own = File.exists(named) ? String(decoding: try File.read(named, atMost: 4096), as: UTF8.self) : nil
        return ContainerMetro(
            plan: try JSONText.decode(Plan.self, from: try File.read(file, atMost: 256 << 20)), own: own)
    }

    func run(_ arguments: Arguments) throws -> ExitCode {
        if arguments["engine"] != nil {
            throw UsageFailure("inside a container there is no engine to choose", fix: "leave --engine out")
        }
        if try arguments.isUnsandboxed() {
            throw UsageFailure(
                "inside a container tasks have no sandbox but the container's", fix: "leave --sandbox off out")
        }
        if let own {
            throw UsageFailure(
                "this image holds one of the metro's \(plan.environments.count) environments, \(Shown.text(own)), and stations need others too",
                fix: "run the metro from its bundle, or in Kubernetes, where each station's pods have its image")
        }
        let lash = try Bundles.lash(arguments)
        let target = arguments["results"] ?? "results"
        try Folder.checkPlace(Bundles.absolute(target))
        signal(SIGPIPE, SIG_IGN)
        if let named = try Self.run(arguments) {
            let folder = RunFolder(named, in: lash)
            if File.exists(folder.start) { return try goOn(folder, arguments, in: lash, results: target) }
            // Whoever began it was killed at once.
            if folder.exists { try Folder.remove(folder.path) }
            return try begin(named, arguments, in: lash, results: target)
        }
        return try begin(RunID(for: plan.metro), arguments, in: lash, results: target)
    }

    /// `--run NAME`: what a pod that takes another one's place says, too.
    private static func run(_ arguments: Arguments) throws -> RunID? {
        guard let name = arguments["run"] else { return nil }
        guard let run = RunID(name) else { throw UsageFailure("“\(Shown.text(name))” can't be the name of a run") }
        return run
    }

    private func goOn(_ folder: RunFolder, _ arguments: Arguments, in lash: LASH, results target: String) throws
        -> ExitCode
    {
        if let end = Journal.last(folder.journal), end.kind == .runEnded, end.succeeded ?? false {
            Output.note("the run has ended well already")
            return .done
        }
        let start = try folder.startOfResumed(cpus: try arguments.cpus(), in: lash)
        return try RunCommand.goOn(start, in: lash, asJSON: arguments.has("json"), results: target)
    }

    private func begin(_ run: RunID, _ arguments: Arguments, in lash: LASH, results target: String) throws -> ExitCode {
        var start = ContainerRoot.start(
            run, environments: environments, cpus: try arguments.cpus())
        start.results = Bundles.absolute(target)
        return try RunCommand.perform(start, in: lash, asJSON: arguments.has("json"), results: target)
    }
}
