package import Files
package import HostProtocol

/// The runs of a LASH.
package struct RunList {
    private let lash: LASH

    package init(_ lash: LASH) { self.lash = lash }

    /// Their names, the newest last.
    package var names: [RunID] {
        ((try? Folder.names(in: lash.runs)) ?? []).compactMap { RunID($0) }.filter {
            File.exists(RunFolder($0, in: lash).start)
        }
    }

    /// The newest that nobody runs now and that has not ended well.
    package var unfinished: RunID? {
        names.last { run in
            let journal = RunFolder(run, in: lash).journal
            return !Journal.isHeld(journal) && Journal.last(journal)?.succeeded != true
        }
    }
}
