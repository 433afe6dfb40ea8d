package import Digests
internal import Failures

/// Where an image lies: `REGISTRY/NAME:TAG`, with `@sha256:…` in the place of the tag or after it.
///
/// Names are those of the OCI distribution specification; unlike with docker the registry is always named.
package struct ImageReference: Hashable, Sendable, CustomStringConvertible {
    /// `ghcr.io`, `127.0.0.1:5000`.
    package let registry: String
    /// `group/image`.
    package let name: String
    package let tag: String
    package let digest: Digest?

    package init(_ text: String) throws(RegistryFailure) {
        func refuse(_ why: String, fix: String? = nil) -> RegistryFailure {
            RegistryFailure(
                "“\(Shown.whole(text))” is no place of an image: \(why)",
                fix: fix ?? "write REGISTRY/NAME:TAG, for instance ghcr.io/alice/my-metro:1", .usage)
        }
        var rest = text[...]
        var digest: Digest?
        if let at = rest.lastIndex(of: "@") {
            let word = rest[rest.index(after: at)...]
            guard word.hasPrefix("sha256:"), let known = Digest(hex: word.dropFirst(7)) else {
                throw refuse("after “@” comes “sha256:” with 64 digits")
            }
            (digest, rest) = (known, rest[..<at])
        }
        guard let slash = rest.firstIndex(of: "/") else { throw refuse("the registry or the name is missing") }
        let registry = rest[..<slash].lowercased()
        guard registry.contains(".") || registry.contains(":") || registry == "localhost" else {
            throw refuse(
                "“\(Shown.whole(registry))” is no registry",
                fix: "begin with the registry's name: docker.io/\(Shown.whole(text))")
        }
        rest = rest[rest.index(after: slash)...]
        var tag = "latest"
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            (tag, rest) = (String(rest[rest.index(after: colon)...]), rest[..<colon])
        }
        guard Self.isRegistry(registry) else { throw refuse("“\(Shown.whole(registry))” is no name of a machine") }
        guard !rest.isEmpty, rest.utf8.count <= 255,
            rest.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(Self.isComponent)
        else {
            throw refuse(
                "names are small letters and digits, with “.”, “_” or “-” between them, in parts with “/” between")
        }
        guard Self.isTag(tag) else {
            throw refuse(
                "a tag is at most 128 letters, digits, “_”, “.” and “-”, and begins with neither of the last two")
        }
        (self.registry, name, self.tag, self.digest) = (registry, String(rest), tag, digest)
    }

    /// What a manifest is asked for by.
    var manifest: String { digest.map { "sha256:" + $0.hex } ?? tag }

    package var description: String {
        "\(registry)/\(name):\(tag)" + (digest.map { "@sha256:" + $0.hex } ?? "")
    }

    private static func isRegistry(_ text: String) -> Bool {
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if halves.count == 2, UInt16(halves[1]) == nil { return false }
        return !halves[0].isEmpty && !halves[0].hasPrefix("-") && !halves[0].hasPrefix(".")
            && halves[0].utf8.allSatisfy { isSmall($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }

    private static func isSmall(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
    private static func isComponent(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, isSmall(first), isSmall(last) else {
            return false
        }
        var between = ""
        for byte in text.utf8 {
            if isSmall(byte) {
                guard between.isEmpty || [".", "_", "__"].contains(between) || between.allSatisfy({ $0 == "-" }) else {
                    return false
                }
                between = ""
            } else {
                guard [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte) else { return false }
                between.append(Character(UnicodeScalar(byte)))
            }
        }
        return true
    }

    private static func isTag(_ text: String) -> Bool {
        let letters = text.utf8.allSatisfy {
            isSmall($0) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || "_.-".utf8.contains($0)
        }
        return letters && (1...128).contains(text.utf8.count) && !text.hasPrefix(".") && !text.hasPrefix("-")
    }
}
