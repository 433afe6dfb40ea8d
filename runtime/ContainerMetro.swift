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
    /// Their names.
    var environments: [String] { plan.environments.map(\.id.name) }

    /// - Returns: nil outside of such a container.
    static func here() throws -> ContainerMetro? {
        let file = ContainerRoot.metro + "/plan.json"
        guard File.real("/proc/self/exe") == ContainerRoot.program, File.exists(file) else { return nil }
        return ContainerMetro(plan: try JSONText.decode(Plan.self, from: try File.read(file, atMost: 256 << 20)))
    }

    func run(_ arguments: Arguments) throws -> ExitCode {
        if arguments["engine"] != nil {
            throw UsageFailure("inside a container there is no engine to choose", fix: "leave --engine out")
        }
        let lash = try Bundles.lash(arguments)
        let target = arguments["results"] ?? "results"
        try Folder.checkPlace(Bundles.absolute(target))
        signal(SIGPIPE, SIG_IGN)
        var start = ContainerRoot.start(
            RunID(for: plan.metro), environments: environments, cpus: try arguments.cpus())
        start.results = Bundles.absolute(target)
        return try RunCommand.perform(start, in: lash, asJSON: arguments.has("json"), results: target)
    }
}
