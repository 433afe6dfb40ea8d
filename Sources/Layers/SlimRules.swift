package import Digests
package import Files

/// Which files of an environment its image does without: the table in `docs/needs.md`.
///
/// Layers stay whole, since something may be built with them; what an image is made of is chosen by these rules. They hold
/// for what packages of a distribution bring: what lies in `/usr/local` is taken as it is.
package struct SlimRules: Sendable {
    /// One line of the table.
    package struct Rule: Sendable {
        /// For people: `documentation`.
        package let name: String
        let paths: [PathPattern]
        /// Beginnings of names, in small letters: what is called so, or lies in a folder called so, stays.
        let stays: [String]
        /// Where an environment has one of these, the rule does not hold there.
        let unless: [PathPattern]

        init(_ name: String, _ paths: [String], stays: [String] = [], unless: [String] = []) {
            (self.name, self.stays) = (name, stays)
            self.paths = paths.map { PathPattern($0) }
            self.unless = unless.map { PathPattern($0) }
        }

        func leavesOut(_ names: [Substring.UTF8View]) -> Bool {
            guard let path = paths.first(where: { $0.matches(names) }) else { return false }
            return stays.isEmpty || !names.dropFirst(path.depth).contains { isStaying($0) }
        }

        private func isStaying(_ name: Substring.UTF8View) -> Bool {
            stays.contains { start in
                name.count >= start.utf8.count
                    && zip(name, start.utf8).allSatisfy { byte, wanted in
                        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 == wanted : byte == wanted
                    }
            }
        }
    }

    package let rules: [Rule]

    package static let standard = SlimRules(rules: [
        // No package may need what lies there to work (Debian's policy, 12.3). Licences have to come with what is copied.
        Rule(
            "documentation",
            [
                "usr/share/doc/*/", "usr/share/doc-base/", "usr/share/gtk-doc/", "usr/share/help/",
                "usr/share/lintian/", "usr/share/bug/",
            ], stays: ["copyright", "copying", "licen", "notice", "authors"]),
        Rule("manual pages", ["usr/share/man/", "usr/share/info/"]),
        Rule("translations", ["usr/share/locale/*/", "usr/share/locale-langpack/"]),
        Rule(
            "headers and static libraries",
            [
                "usr/include/", "usr/lib/*.a", "usr/lib/*/*.a", "usr/lib/pkgconfig/", "usr/lib/*/pkgconfig/",
                "usr/share/pkgconfig/", "usr/lib/cmake/", "usr/lib/*/cmake/", "usr/share/aclocal/",
            ],
            unless: [
                "usr/bin/cc", "usr/bin/*gcc*", "usr/bin/*g++*", "usr/bin/*clang*", "usr/bin/*cpp*", "usr/bin/tcc",
            ]),
        Rule("caches", ["var/cache/apt/", "var/cache/debconf/", "var/cache/man/", "var/lib/apt/lists/"]),
        // What says which package brought a file stays: its list.
        Rule(
            "installation scripts",
            ["preinst", "postinst", "prerm", "postrm", "config", "templates", "md5sums", "shlibs", "symbols"]
                .map { "var/lib/dpkg/info/*.\($0)" }),
    ])

    /// Of all that the table says: images of other rules are other images.
    package var digest: Digest {
        Digest(
            of: rules.map { rule in
                "\(rule.name)\n\(rule.paths.map(\.text))\n\(rule.stays)\n\(rule.unless.map(\.text))\n"
            }.joined())
    }

    /// The rule that leaves a path out, in an environment where it holds.
    package func rule(for path: RelativePath) -> Rule? {
        let names = Self.names(of: path)
        return rules.first { $0.leavesOut(names) }
    }

    /// Those that hold in an environment with these entries.
    func holding(in layers: [Layer]) -> SlimRules {
        var rest = rules
        for layer in layers {
            for entry in layer.entries where entry.path.string.begins(with: "usr/bin/") {
                let names = Self.names(of: entry.path)
                rest.removeAll { $0.unless.contains { $0.matches(names) } }
            }
        }
        return SlimRules(rules: rest)
    }

    private static func names(of path: RelativePath) -> [Substring.UTF8View] {
        path.string[...].utf8.split(separator: UInt8(ascii: "/"))
    }
}
