internal import Failures
internal import HostProtocol
internal import Hosts
internal import Terminal

extension Context {
    /// What reaches hosts, `local` among them.
    /// - Parameter examining: whether hosts try what they can do, as for a person who asks; else they tell what they have.
    func connector(asking: Asking = Asking(Self.ask), examining: Bool = false) throws -> HostConnector {
        var connector = HostConnector(
            lash: lash, runtime: try HostRuntime(path: try runtime()), asking: asking,
            environment: environment,
            program: "las \(Las.version)")
        connector.examines = examining
        return connector
    }

    private static func ask(_ question: Asking.Question) -> String? {
        switch question {
        case .passphrase(let file, let isAgain):
            Question.secret((isAgain ? "That was not it. " : "") + "Passphrase of the key \(file): ")
        case .password(let account): Question.secret("Password of \(account): ")
        case .prompt(let text, let account): Question.secret("\(account): \(text) ")
        }
    }

    func show(_ note: ConnectionNote, of host: Host, in stage: Stage) {
        switch note {
        case .byOpenSSH(let reason):
            terminal.say("\(host.name): through your own ssh program, since \(Shown.whole(reason))")
        case .runtime(let sent, let total): stage.update(done: sent, of: total, detail: "the runtime")
        }
    }
}

enum HostText {
    /// `Linux 6.1, 8 cpus, 32 GB memory, 120 GB free; engine kernel`.
    static func facts(_ facts: HostFacts) -> String {
        let parts = [
            "Linux \(facts.kernel)", Amounts.count(facts.cpus, "cpu"), "\(Amounts.bytes(facts.memory)) of memory",
            "\(Amounts.bytes(facts.freeDisk)) of free disk",
        ]
        return Shown.whole(parts.joined(separator: ", ") + (facts.engine.map { "; engine: \($0)" } ?? ""))
    }
}
