internal import Failures
package import Files
package import HostProtocol

/// A result that was brought back.
package struct FetchedFile: Hashable, Sendable {
    /// Relative to the folder of the results.
    package let path: RelativePath
    package let size: Int64
    package let isFolder: Bool

    /// The path, safe to show.
    package var shown: String { Shown.whole(path.string) }
}

extension HostSession {
    /// Brings a run's results into a folder. Each appears there only when it is whole and has its digest, and all of them
    /// only when all have come; older ones of the same name are replaced then. What has come when the connection is cut is kept
    /// beside them, and is not sent again when the same is fetched into the same folder.
    /// - Throws: where the host sends what is not what it must be: a path that leaves the folder, another size or digest.
    package func fetch(
        _ run: RunID, _ station: String? = nil, into folder: String,
        progress: @Sendable (_ bytes: Int64) -> Void = { _ in }
    ) throws -> [FetchedFile] {
        let results = try IncomingResults(for: folder, resuming: run, station)
        do {
            try send(Frame(.fetch, json: Fetch(run: run, station: station, begun: results.begun)))
        } catch {
            results.end(after: error)
            throw error
        }
        return try receiveFiles(results, progress: progress)
    }

    /// Brings what a run's tasks have printed until now into a folder, as it lies in the run's `logs`.
    package func fetchLogs(of run: RunID, into folder: String) throws {
        try send(Frame(.fetch, json: Fetch(run: run, logs: true)))
        _ = try receiveFiles(into: folder)
    }

    /// Takes files up to the frame `done`.
    func receiveFiles(into folder: String) throws -> [FetchedFile] {
        try receiveFiles(IncomingResults(for: folder), progress: { _ in })
    }

    private func receiveFiles(
        _ given: IncomingResults, progress: (_ bytes: Int64) -> Void
    ) throws -> [FetchedFile] {
        var results = given
        do {
            while true {
                let frame = try next("the run's results")
                if frame.kind == .done { break }
                let header = try frame.expectClean(.file, FileHeader.self, awaited: "the run's results")
                try results.begin(header)
                while true {
                    let frame = try next("the rest of a result")
                    if frame.kind == .data {
                        try results.append(frame.payload)
                        progress(Int64(frame.payload.count))
                        continue
                    }
                    try results.end(try frame.expectClean(.fileEnd, FileEnd.self, awaited: "the rest of a result"))
                    break
                }
            }
            return try results.publish()
        } catch {
            results.end(after: error)
            throw error
        }
    }
}
