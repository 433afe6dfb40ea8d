internal import Glibc

/// A processor architecture by Debian's name for it.
package struct Architecture: Hashable, Sendable, CustomStringConvertible {
    /// `amd64`, `arm64`.
    package let name: String

    package init(_ name: String) { self.name = name }

    package var description: String { name }

    /// The one of this machine.
    package static func ofThisMachine() throws(DepotFailure) -> Architecture {
        var information = utsname()
        uname(&information)
        let machine = withUnsafeBytes(of: information.machine) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        switch machine {
        case "x86_64": return Architecture("amd64")
        case "aarch64": return Architecture("arm64")
        default:
            throw DepotFailure(
                "las does not know how Debian calls machines of the kind \(machine)",
                fix: "pack on an x86-64 machine", .usage)
        }
    }

    /// Names at the root that are links to the folder of that name in `usr`.
    var linksIntoUsr: [String] { name == "amd64" ? ["bin", "lib", "lib64", "sbin"] : ["bin", "lib", "sbin"] }
}
