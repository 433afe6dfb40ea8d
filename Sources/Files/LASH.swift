internal import Glibc

/// The home of las for a user, or a system: where everything that las keeps lies.
///
/// One layout everywhere, on the machine where las runs and on every host; `docs/lash.md` describes it.
package struct LASH: Hashable, Sendable {
    package let root: String

    package init(root: String) { self.root = root }

    /// `$LASH`, else `~/.las`, else (without a home) a folder of the user's own in `/var/tmp`.
    package static func ofUser(environment: [String: String]) -> LASH {
        if let given = environment["LASH"], !given.isEmpty { return LASH(root: absolute(given)) }
        if let home = environment["HOME"], !home.isEmpty { return LASH(root: home + "/.las") }
        // Not getpwuid: name services can't be asked from a static program.
        return LASH(root: "/var/tmp/las-\(getuid())")
    }

    private static func absolute(_ path: String) -> String {
        if path.begins(with: "/") { return path }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&buffer, buffer.count) != nil else { return path }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) + "/" + path
    }

    /// The host list.
    package var hosts: String { root + "/hosts.yml" }
    /// What hosts were found to have when las last spoke with them: `facts/NAME.json`.
    package var facts: String { root + "/facts" }
    /// `known_hosts` of las's own, read beside the user's.
    package var knownHosts: String { root + "/known_hosts" }
    /// Parts by digest, complete and checked: `parts/DIGEST`, and `parts/DIGEST.extents` beside it.
    package var parts: String { root + "/parts" }
    /// Parts that are on their way here, by digest: what came of one before its connection was cut is not sent again.
    package var incoming: String { root + "/incoming" }
    /// Which bundles' files were verified already.
    package var stamps: String { root + "/stamps" }
    /// Which part an image became, by the digest of what it is made of.
    package var made: String { root + "/made" }
    /// Layers by digest: `layers/DIGEST/tree`, `layers/DIGEST/entries`.
    package var layers: String { root + "/layers" }
    /// Layers' files compressed for images, by the digest of the layer and of how they are compressed.
    package var blocks: String { root + "/blocks" }
    /// Fetched package files by digest.
    package var packages: String { root + "/packages" }
    /// Files that inputs name by their addresses, by digest.
    package var inputs: String { root + "/inputs" }
    /// Archives of inputs, unpacked: `unpacked/DIGEST/tree`.
    package var unpacked: String { root + "/unpacked" }
    /// Package indexes as archives gave them.
    package var archives: String { root + "/archives" }
    /// Images unpacked by digest, where the kernel can't mount them.
    package var images: String { root + "/images" }
    /// Runtimes by digest, on a host.
    package var runtimes: String { root + "/runtimes" }
    /// What tasks made, by their content keys: `tasks/KK/KEY`. It may be removed at any time.
    package var tasks: String { root + "/tasks" }
    /// Which layers registries were sent: `pushed/REGISTRY.json`.
    package var pushed: String { root + "/pushed" }
    /// Locks of `las each`, a folder for each set of needs.
    package var each: String { root + "/each" }
    /// The metros and bundles that las has worked with here: what they need is not cleared away.
    package var known: String { root + "/known" }
    /// One folder a run.
    package var runs: String { root + "/runs" }
    /// What is being made; cleared of what dead processes left.
    package var temporary: String { root + "/tmp" }
    package var locks: String { root + "/locks" }
}
