internal import Failures

/// Debian's names and versions of packages (Debian Policy, 5.6).
package enum PackageName {
    /// Lower-case letters, digits, plus, minus and full stop, beginning with a letter or digit.
    package static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, isLetterOrDigit(first), name.utf8.count <= 200 else { return false }
        return name.utf8.allSatisfy {
            isLetterOrDigit($0) || [UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains($0)
        }
    }

    package static func isVersion(_ version: String) -> Bool {
        !version.isEmpty && version.utf8.count <= 200
            && version.utf8.allSatisfy { isLetterOrDigit($0) || 65...90 ~= $0 || "+-.~:".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool { 48...57 ~= byte || 97...122 ~= byte }
}

/// A package that someone asked for: `samtools`, or exactly `samtools=1.16.1-1`.
package struct PackageRequest: Hashable, Sendable {
    package let name: String
    package let version: String?

    /// - Throws: exit code 2 when the text is neither.
    package init(_ text: String) throws(DepotFailure) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.first, PackageName.isValid(name), parts.count == 1 || PackageName.isVersion(parts[1])
        else {
            throw DepotFailure(
                "“\(Shown.whole(text))” is not the name of a Debian package",
                fix: "write a name like samtools, or with its exact version, samtools=1.16.1-1", .usage)
        }
        (self.name, version) = (name, parts.count == 2 ? parts[1] : nil)
    }
}
