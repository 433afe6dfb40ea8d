package import Digests
internal import Failures
internal import Files
internal import Metro

/// One version of one of Python's packages, by the digest of its wheel, or of the source distribution that it is built from.
package struct LockedWheel: Hashable, Sendable, Codable {
    /// As its index has it.
    package let name: String
    package let version: String
    /// Of its file, without a user's name and password.
    package let address: String
    package let sha256: Digest
    /// For a source distribution: the wheels that are there while it is built, sorted by name; nil for a wheel.
    package let builders: [LockedWheel]?

    init(name: String, version: String, address: String, sha256: Digest, builders: [LockedWheel]? = nil) {
        (self.name, self.version, self.address, self.sha256) = (name, version, address, sha256)
        self.builders = builders
    }

    func with(builders: [LockedWheel]) -> LockedWheel {
        LockedWheel(name: name, version: version, address: address, sha256: sha256, builders: builders)
    }

    /// Where it is kept, below LASH.
    var kept: String { "packages/\(sha256).\(builders == nil ? "whl" : "sdist")" }
    /// It, and what it is built with.
    var all: [LockedWheel] { [self] + (builders ?? []) }

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
        let endings = builders == nil ? [".whl"] : [".tar.gz", ".zip", ".tar.bz2", ".tar.xz"]
        return isName && endings.contains(where: text.hasSuffix) && text.utf8.count <= 250 && !text.hasPrefix(".")
            ? text : nil
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
        for builder in builders ?? [] {
            try builder.check()
            if builder.builders != nil {
                throw DepotFailure("“\(Shown.whole(builder.name))” is no wheel", .integrity)
            }
        }
        guard PipRequirement(name)?.name == name, isVersion, file != nil,
            address.begins(with: "file:///") || (try? WebAddress(address)) != nil
        else {
            throw DepotFailure("Python's package “\(Shown.whole(name))” is not a whole one", .integrity)
        }
    }
}
