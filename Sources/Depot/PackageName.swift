internal import Failures
internal import Metro

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

extension DebianRequest {
    /// - Throws: exit code 2 when the text is none.
    init(checking text: String) throws(DepotFailure) {
        guard let request = DebianRequest(text) else {
            throw DepotFailure(
                "“\(Shown.whole(text))” is not the name of a Debian package",
                fix:
                    "write a name like samtools, or with its version, samtools=1.16.1-1, samtools=1.16*, samtools>=1.16",
                .usage)
        }
        self = request
    }
}
