/// The exit codes that scripts may rely on; documented in README.md.
package enum ExitCode: Int32, Sendable, Codable {
    case done = 0
    /// One or more stations failed.
    case stationsFailed = 1
    /// The command line or the metro is wrong.
    case usage = 2
    /// Some hosts failed, others did not.
    case someHostsFailed = 3
    /// A host, or an archive, could not be reached or would not let us in.
    case unreachable = 4
    /// A digest, a signature, a host key or a lock is not what it must be.
    case integrity = 5
    /// Disk, memory, or a right that the system refuses.
    case resources = 6
}
