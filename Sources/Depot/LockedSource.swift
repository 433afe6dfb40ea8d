internal import Failures
internal import Metro

/// The commit that a repository had where it was asked for.
package struct LockedCommit: Hashable, Sendable, Codable {
    package let repository: String
    /// As the metro says it: a commit, tag or branch; nil for what the repository shows first.
    package let asked: String?
    /// 40 hexadecimal digits.
    package let commit: String

    static func isWhole(_ commit: String) -> Bool {
        commit.utf8.count == 40 && commit.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    func check() throws(DepotFailure) {
        guard (try? GitAddress(repository)) != nil, Self.isWhole(commit), asked.map(GitAddress.isCommit) ?? true else {
            throw DepotFailure("the commit of “\(Shown.whole(repository))” is none", .integrity)
        }
    }
}
