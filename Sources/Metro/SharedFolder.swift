internal import Files

/// A folder under the same path on every machine of a run, by whatever its administrator has mounted there.
package struct SharedFolder: Hashable, Sendable, Codable {
    /// What a metro may say of how machines come to see it.
    package enum Way: String, Hashable, Sendable, Codable, CaseIterable {
        /// Whatever it is.
        case path
        case nfs, gluster, lustre, sshfs
    }

    package let way: Way
    /// Absolute, without `.` and `..`.
    package let path: String

    package init(_ way: Way, _ path: String) { (self.way, self.path) = (way, path) }

    /// Whether it may be the path of one.
    package static func isPath(_ text: String) -> Bool {
        text.begins(with: "/") && text.utf8.count > 1 && text.utf8.count < 1024 && !text.utf8.contains(0)
            && !text.pathNames.isEmpty && text.pathNames.allSatisfy { $0 != "." && $0 != ".." }
    }
}
