internal import Files
internal import Layers

/// Which licences Debian's packages tell of, where their `copyright` files are machine-readable
/// (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/).
struct Licences {
    /// By the package's name: the licences' names as Debian writes them, sorted.
    let names: [String: [String]]

    init(_ tree: LayeredTree) {
        var names: [String: [String]] = [:]
        for layer in tree.layers {
            for entry in layer.entries {
                guard case .file(let size) = entry.kind, size < 1 << 20,
                    entry.path.string.begins(with: "usr/share/doc/"),
                    entry.path.components.count == 5, entry.path.name == "copyright",
                    let text = try? File.read("\(layer.tree)/\(entry.path)", atMost: 1 << 20)
                else { continue }
                let found = Self.names(in: String(decoding: text, as: UTF8.self))
                if !found.isEmpty { names[entry.path.components[3]] = found }
            }
        }
        self.names = names
    }

    /// - Returns: none where the file is not machine-readable.
    static func names(in text: String) -> [String] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard let first = lines.popFirst(), first.hasPrefix("Format:"), first.contains("copyright-format") else {
            return []
        }
        var names: Set<String> = []
        for line in lines where line.hasPrefix("License:") {
            let name = line.dropFirst("License:".count).split(separator: " ").joined(separator: " ")
            if !name.isEmpty { names.insert(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// As an SPDX expression; nil where a name is not known for certain.
    static func expression(_ names: [String]) -> String? {
        if names.isEmpty { return nil }
        var terms: [String] = []
        for name in names {
            let words = name.split { $0 == " " || $0 == "," }.map(String.init)
            let choices = words.split { $0.lowercased() == "or" }.map { $0.joined(separator: " ").lowercased() }
            let known = choices.compactMap { Self.known[$0] }
            guard !known.isEmpty, known.count == choices.count else { return nil }
            terms.append(known.count == 1 ? known[0] : "(\(known.joined(separator: " OR ")))")
        }
        var seen: Set<String> = []
        return terms.filter { seen.insert($0).inserted }.joined(separator: " AND ")
    }

    /// Debian's names, in lower case, whose meaning is the same everywhere.
    private static let known: [String: String] = [
        "apache-2.0": "Apache-2.0", "artistic": "Artistic-1.0-Perl", "artistic-2.0": "Artistic-2.0",
        "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "bsl-1.0": "BSL-1.0", "cc0-1.0": "CC0-1.0",
        "cc0": "CC0-1.0", "expat": "MIT", "gfdl-1.3+": "GFDL-1.3-or-later", "gpl-1": "GPL-1.0-only",
        "gpl-1+": "GPL-1.0-or-later", "gpl-2": "GPL-2.0-only", "gpl-2+": "GPL-2.0-or-later", "gpl-3": "GPL-3.0-only",
        "gpl-3+": "GPL-3.0-or-later", "isc": "ISC", "lgpl-2": "LGPL-2.0-only", "lgpl-2+": "LGPL-2.0-or-later",
        "lgpl-2.1": "LGPL-2.1-only", "lgpl-2.1+": "LGPL-2.1-or-later", "lgpl-3": "LGPL-3.0-only",
        "lgpl-3+": "LGPL-3.0-or-later", "mpl-1.1": "MPL-1.1", "mpl-2.0": "MPL-2.0", "openssl": "OpenSSL",
        "python-2.0": "Python-2.0", "psf-2": "PSF-2.0", "zlib": "Zlib",
    ]
}
