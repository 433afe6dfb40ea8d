internal import Digests
internal import JSON
package import Layers

/// A list of all that a metro brings, in SPDX 2.3: from the lock, with the licences that packages tell.
package struct SBOM {
    private let metro: String
    private let lock: Lock
    private let licences: [String: [String: [String]]]

    /// - Parameter licences: by the environments' names, what `licences(in:)` told of them.
    package init(metro: String, lock: Lock, licences: [String: [String: [String]]]) {
        (self.metro, self.lock, self.licences) = (metro, lock, licences)
    }

    /// The names of licences by the packages' names, as their copyright files tell them; none of a package that tells none.
    package static func licences(in tree: LayeredTree) -> [String: [String]] { Licences(tree).names }

    /// The same lock gives the same bytes.
    package var text: [UInt8] { JSONText.bytes(of: json, indented: true) }

    private var json: JSONValue {
        var packages: [JSONValue] = []
        var relations: [JSONValue] = []
        for (name, environment) in lock.environments.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
        {
            let root = identifier("Environment", name)
            packages.append(
                package(root, name: "\(metro): \(name)", version: nil, from: nil, sha256: nil, extra: [:]))
            relations.append(relation("SPDXRef-DOCUMENT", "DESCRIBES", root))
            let addresses = Dictionary(
                environment.archives.map { ($0.name, $0.uri) }, uniquingKeysWith: { first, _ in first })
            for locked in environment.packages {
                let id = identifier("Debian", "\(name)-\(locked.name)")
                let names = licences[name]?[locked.name] ?? []
                var extra: [String: JSONValue] = [
                    "licenseDeclared": .string(Licences.expression(names) ?? "NOASSERTION"),
                    "externalRefs": [
                        reference(
                            "pkg:deb/debian/\(escaped(locked.name))@\(escaped(locked.version))?arch=\(escaped(locked.architecture))"
                        )
                    ],
                ]
                if !names.isEmpty {
                    extra["licenseComments"] = .string(
                        "Debian's copyright file names: \(names.joined(separator: "; "))")
                }
                packages.append(
                    package(
                        id, name: locked.name, version: locked.version,
                        from: addresses[locked.archive].map { $0 + locked.file }, sha256: locked.sha256, extra: extra))
                relations.append(relation(root, "CONTAINS", id))
            }
            for wheel in environment.wheels {
                let id = identifier("Python", "\(name)-\(wheel.name)")
                let extra: [String: JSONValue] = [
                    "licenseDeclared": "NOASSERTION",
                    "externalRefs": [reference("pkg:pypi/\(escaped(wheel.name))@\(escaped(wheel.version))")],
                ]
                packages.append(
                    package(
                        id, name: wheel.name, version: wheel.version, from: wheel.address, sha256: wheel.sha256,
                        extra: extra))
                relations.append(relation(root, "CONTAINS", id))
            }
            for (id, source) in sources(of: environment, name) {
                packages.append(source)
                relations.append(relation(root, "CONTAINS", id))
            }
        }
        return [
            "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": .string(metro),
            "documentNamespace": .string("urn:las:sbom:\(Digest(of: Array(metro.utf8) + [0] + lock.text))"),
            "creationInfo": ["created": .string(created), "creators": ["Tool: las"]],
            "packages": .array(packages), "relationships": .array(relations),
        ]
    }

    /// What is no package: files and commits that something was built of, programs of the packing machine.
    private func sources(of environment: LockedEnvironment, _ name: String) -> [(id: String, JSONValue)] {
        environment.files.map { file in
            let id = identifier("File", "\(name)-\(file.address)")
            return (
                id, package(id, name: file.address, version: nil, from: file.address, sha256: file.sha256, extra: [:])
            )
        }
            + environment.commits.map { commit in
                let id = identifier("Git", "\(name)-\(commit.repository)")
                return (
                    id,
                    package(
                        id, name: commit.repository, version: commit.commit, from: nil, sha256: nil, extra: [:])
                )
            }
            + (environment.host?.files ?? []).map { file in
                let id = identifier("Host", "\(name)-\(file.place)")
                return (
                    id, package(id, name: file.from, version: nil, from: nil, sha256: file.sha256, extra: [:])
                )
            }
    }

    /// When the newest of the archives was made: a list of the same packages is the same list tomorrow.
    private var created: String {
        let dates = lock.environments.values.flatMap { $0.archives.map(\.date) }
        let words = (dates.max() ?? "").split(separator: " ")
        return words.count == 3 && words[2] == "UTC" ? "\(words[0])T\(words[1])Z" : "1980-01-01T00:00:00Z"
    }

    private func package(
        _ id: String, name: String, version: String?, from address: String?, sha256: Digest?,
        extra: [String: JSONValue]
    ) -> JSONValue {
        var members: [String: JSONValue] = [
            "SPDXID": .string(id), "name": .string(name), "filesAnalyzed": .bool(false),
            "downloadLocation": .string(address ?? "NOASSERTION"), "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
        ]
        if let version { members["versionInfo"] = .string(version) }
        if let sha256 {
            members["checksums"] = [["algorithm": "SHA256", "checksumValue": .string(sha256.hex)]]
        }
        return .object(members.merging(extra) { $1 })
    }

    private func reference(_ locator: String) -> JSONValue {
        [
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": .string(locator),
        ]
    }

    private func relation(_ from: String, _ kind: String, _ to: String) -> JSONValue {
        [
            "spdxElementId": .string(from), "relationshipType": .string(kind), "relatedSpdxElement": .string(to),
        ]
    }

    /// SPDX's identifiers have letters, digits, dots and dashes only; what else a name has is written as its number.
    private func identifier(_ kind: String, _ name: String) -> String {
        var id = "SPDXRef-\(kind)-"
        for byte in name.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"):
                id.unicodeScalars.append(Unicode.Scalar(byte))
            default: id += ".\(byte)."
            }
        }
        return id
    }

    /// As purl writes names and versions.
    private func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                escaped += "%" + (hex.utf8.count == 1 ? "0" : "") + hex
            }
        }
        return escaped
    }
}
