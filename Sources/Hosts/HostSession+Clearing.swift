package import HostProtocol

extension HostSession {
    /// Frees what no run of the host needs.
    package func clear(_ clear: Clear) throws -> Cleared {
        try ask(Frame(.clear, json: clear), .cleared, Cleared.self, awaited: "what the host has cleared away")
    }
}
