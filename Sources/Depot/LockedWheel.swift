package import Digests
internal import Failures
internal import Files
internal import Metro

/// One version of one of Python's packages, by the digest of its wheel.
package struct LockedWheel: Hashable, Sendable, Codable {
    /// As its index has it.
    package let name: String
    package let version: String
    /// Of its file, without a user's name and password.
    package let address: String
    package let sha256: Digest

    /// `pandas 2.2.3`.
    package var title: String { "\(name) \(version)" }

    /// What pip knows the file by: its name tells what it is for.
    var file: String? {
        let path = address.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let name = path.split(separator: UInt8(ascii: "/")).last.map { Self.decoded(Array($0)) } ?? []
        let isName = name.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "-_.+!".utf8.contains($0)
        }
        let text = String(decoding: name, as: UTF8.self)
        return isName && text.hasSuffix(".whl") && text.utf8.count <= 250 && !text.hasPrefix(".") ? text : nil
    }

    private static func decoded(_ bytes: [UInt8]) -> [UInt8] {
        var decoded: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                decoded.append(value)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }

    func check() throws(DepotFailure) {
        let isVersion =
            !version.isEmpty && version.utf8.count <= 200
            && version.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "-_.+!".utf8.contains($0)
            }
        guard PipRequirement(name)?.name == name, isVersion, file != nil,
            address.begins(with: "file:///") || (try? WebAddress(address)) != nil
        else {
            throw DepotFailure("Python's package “\(Shown.whole(name))” is not a whole one", .integrity)
        }
    }
}
