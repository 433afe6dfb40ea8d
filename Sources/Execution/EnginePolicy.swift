internal import Failures
internal import Files
internal import JSON

/// The way to reach images that whoever keeps this machine demands: `engine` in the `policy.json` of its LASH, beside what that says
/// of signatures.
enum EnginePolicy {
    static let reason = "the policy of this LASH demands it"

    /// - Returns: nil where any will do.
    /// - Throws: where the policy can't be read: what it demands is not known then, and nothing runs.
    static func demanded(in lash: LASH) throws(ExecutionFailure) -> Engine? {
        let path = lash.root + "/policy.json"
        guard File.exists(path) else { return nil }
        let text: [UInt8]
        do throws(FileFailure) { text = try File.read(path, atMost: 65536) } catch { throw ExecutionFailure(error) }
        guard let policy = try? JSONText.parse(text), policy.object != nil else {
            throw unreadable(path, "it is no JSON object")
        }
        guard let value = policy["engine"] else { return nil }
        let engines = Engine.allCases.filter { $0 != .container }
        guard let name = value.string, let engine = engines.first(where: { $0.rawValue == name }) else {
            let names = engines.map(\.rawValue).joined(separator: ", ")
            let said = value.string.map { "“\(Shown.text($0))”" } ?? "what it says there"
            throw unreadable(path, "“engine” is one of \(names), and not \(said)")
        }
        return engine
    }

    private static func unreadable(_ path: String, _ cause: String) -> ExecutionFailure {
        ExecutionFailure(
            "the policy of this LASH can't be read", place: path, cause: cause,
            fix: #"put it right, as {"engine": "extraction"}, or remove the file"#, exitCode: .usage)
    }

    /// - Returns: the engine that is demanded, else the one that is asked for; nil where the best is to be taken.
    /// - Throws: where another one is asked for than the one that is demanded.
    static func engine(asked: Engine?, in lash: LASH) throws(ExecutionFailure) -> Engine? {
        guard let demanded = try demanded(in: lash) else { return asked }
        if let asked, asked != demanded {
            throw ExecutionFailure(
                "the policy of this LASH demands the engine \(demanded.rawValue), and --engine asks for \(asked.rawValue)",
                place: lash.root + "/policy.json", fix: "leave --engine out", exitCode: .usage)
        }
        return demanded
    }
}
