internal import Failures
internal import Plan

extension Plan {
    /// What las has to lead is refused by an engine that leads its runs itself.
    func refuseServers(_ engine: String) throws(EngineFailure) {
        guard let workspace = workspaces.first(where: { $0.server != nil }) else { return }
        throw EngineFailure(
            "the workspace “\(workspace.name)” lies on an FTP server (“via: ftp”), and \(engine) can't use it",
            cause: "the machine that leads a run speaks with the server, and there las does not lead it",
            fix: "las run METRO, or las deploy METRO --host NAME")
    }
}
