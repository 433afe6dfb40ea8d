internal import Failures
internal import Files
internal import Metro
internal import Plan

/// A metro on disk: its file, the folder around it, and the plan that they give.
struct MetroSource {
    /// As the person named it, for messages.
    let file: String
    let folder: String
    let text: [UInt8]
    let metro: Metro
    /// What the command line gives to its inputs.
    let replaced: ReplacedInputs
    /// What is known of it before anything is fetched or unpacked.
    let plan: Plan
    /// The command line that makes the lock anew, where it is another one.
    var updating: String? = nil

    var lockFile: String { folder + "/metro.lock" }
    /// The command line that makes the lock anew.
    var updateCommand: String {
        if let updating { return updating }
        return file == "metro.yml" ? "las lock --update" : "las lock \(Shown.word(file)) --update"
    }

    var notesOfUnseenFiles: [String] { plan.notesOfUnseenFiles(in: folder) }

    /// The plan with what was fetched and unpacked for its inputs.
    func plan(with brought: InputFiles.Brought) throws(MetroFailure) -> Plan {
        try Planner.plan(
            metro, files: try InputFiles.find(for: metro, in: folder, replaced: replaced, brought: brought))
    }

    /// The file that is meant by a folder that holds `metro.yml`, or by the file itself.
    static func file(_ given: String) -> String {
        if given == "." { return "metro.yml" }
        guard File.status(given, follow: true)?.kind == .folder else { return given }
        return (given.ends(with: "/") ? given : given + "/") + "metro.yml"
    }

    private static func existingFile(_ given: String) throws(UsageFailure) -> String {
        let file = file(given)
        if File.exists(file) { return file }
        throw UsageFailure(
            file == given
                ? "there is no metro at \(Shown.whole(given))"
                : "there is no metro.yml in the folder \(Shown.whole(given))",
            fix: "name the folder that holds metro.yml, or begin one: las new hello my-metro")
    }

    /// - Parameters:
    ///   - given: the folder that holds `metro.yml`, or the file itself.
    ///   - inputs: what the command line gives to its inputs.
    static func read(_ given: String, inputs: [ReplacedInputs.Value] = []) throws -> MetroSource {
        let file = try existingFile(given)
        let metro = try MetroReader.read(path: file)
        let folder = File.parent(of: Context.absolute(file))
        let replaced =
            inputs.isEmpty
            ? ReplacedInputs() : try ReplacedInputs.find(inputs, known: InputFiles.replaceable(in: metro))
        let plan = try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder, replaced: replaced))
        return MetroSource(
            file: file, folder: folder, text: try File.read(file), metro: metro, replaced: replaced, plan: plan)
    }
}
