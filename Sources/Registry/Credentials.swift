internal import Digests
internal import Failures
package import Files
internal import Glibc
internal import JSON

/// What a person has to show to a registry.
enum Credential: Hashable, Sendable {
    case password(user: String, password: String)
    /// What docker calls an identity token: a token is got for it, not for a password.
    case identity(token: String)
}

/// Where credentials are looked for: LASH's `registries.json` (“las login”), then Podman's and Docker's files, and the
/// helper programs that those name. All of these files have Docker's form: `{"auths": {REGISTRY: {"auth": BASE64}}}`.
package struct Credentials: Sendable {
    private let lash: LASH
    private let environment: [String: String]

    package init(_ lash: LASH, environment: [String: String]) { (self.lash, self.environment) = (lash, environment) }

    private var ownFile: String { lash.root + "/registries.json" }

    private var files: [String] {
        var files = [ownFile]
        if let file = environment["REGISTRY_AUTH_FILE"], !file.isEmpty { files.append(file) }
        if let folder = environment["XDG_RUNTIME_DIR"], !folder.isEmpty {
            files.append(folder + "/containers/auth.json")
        }
        let home = environment["HOME"] ?? ""
        if !home.isEmpty { files.append(home + "/.config/containers/auth.json") }
        if let folder = environment["DOCKER_CONFIG"], !folder.isEmpty {
            files.append(folder + "/config.json")
        } else if !home.isEmpty {
            files.append(home + "/.docker/config.json")
        }
        return files
    }

    /// Docker's own name for its hub.
    private static func keys(of registry: String) -> [String] {
        let plain = [
            registry, "https://\(registry)", "http://\(registry)", "https://\(registry)/v1/", "https://\(registry)/v2/",
        ]
        return ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(registry)
            ? ["https://index.docker.io/v1/", "docker.io", "index.docker.io"] + plain : plain
    }

    /// - Throws: where a helper that a file names for this registry does not work.
    func credential(of registry: String) throws(RegistryFailure) -> Credential? {
        for file in files {
            guard let text = try? File.read(file, atMost: 1 << 20) else { continue }
            guard let value = try? JSONText.parse(text), value.object != nil else {
                throw RegistryFailure(
                    "this file of credentials can't be read", place: file,
                    fix: "it should be JSON, as docker writes it",
                    .usage)
            }
            for key in Self.keys(of: registry) {
                if let helper = value["credHelpers"]?[key]?.string, let found = try ask(helper, for: key) {
                    return found
                }
            }
            for key in Self.keys(of: registry) {
                guard let entry = value["auths"]?[key] else { continue }
                if let token = entry["identitytoken"]?.string, !token.isEmpty { return .identity(token: token) }
                if let user = entry["username"]?.string, let password = entry["password"]?.string, !user.isEmpty {
                    return .password(user: user, password: password)
                }
                if let text = entry["auth"]?.string, let bytes = Base64.decode(Array(text.utf8)),
                    let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
                {
                    return .password(
                        user: String(decoding: bytes[..<colon], as: UTF8.self),
                        password: String(decoding: bytes[(colon + 1)...].prefix { $0 != 0 }, as: UTF8.self))
                }
            }
            if let store = value["credsStore"]?.string, !store.isEmpty {
                for key in Self.keys(of: registry) { if let found = try ask(store, for: key) { return found } }
            }
        }
        return nil
    }

    /// Servers that a person allowed to be asked for tokens with a registry's credentials.
    func allowedRealms(of registry: String) -> [String] {
        guard let text = try? File.read(ownFile, atMost: 1 << 20), let value = try? JSONText.parse(text) else {
            return []
        }
        return (value["realms"]?[registry]?.array ?? []).compactMap(\.string)
    }

    /// Writes a password down, in a file that only its owner may read.
    package func keep(user: String, password: String, realm: String?, of registry: String) throws(RegistryFailure) {
        try change { value in
            var auths = value["auths"]?.object ?? [:]
            auths[registry] = ["auth": .string(Base64.encode(Array("\(user):\(password)".utf8)))]
            value["auths"] = .object(auths)
            guard let realm else { return }
            var realms = value["realms"]?.object ?? [:]
            realms[registry] = [.string(realm)]
            value["realms"] = .object(realms)
        }
    }

    /// - Returns: false where LASH has none for it.
    package func forget(_ registry: String) throws(RegistryFailure) -> Bool {
        var was = false
        try change { value in
            var auths = value["auths"]?.object ?? [:]
            was = auths.removeValue(forKey: registry) != nil
            value["auths"] = .object(auths)
            var realms = value["realms"]?.object ?? [:]
            realms[registry] = nil
            value["realms"] = .object(realms)
        }
        return was
    }

    private func change(_ body: (inout [String: JSONValue]) -> Void) throws(RegistryFailure) {
        do throws(FileFailure) {
            let lock = try FileLock.take(lash.locks + "/registries")
            var value = (try? File.read(ownFile, atMost: 1 << 20)).flatMap { try? JSONText.parse($0) }?.object ?? [:]
            body(&value)
            try Folder.make(lash.root)
            try File.write(JSONText.bytes(of: .object(value), indented: true), to: ownFile, mode: 0o600)
            lock.release()
        } catch {
            throw RegistryFailure("can't keep the credentials", cause: error.description, .resources)
        }
    }

    /// `docker-credential-NAME get`, as docker's protocol for such helpers has it.
    /// - Returns: nil where it has none for this server.
    private func ask(_ helper: String, for server: String) throws(RegistryFailure) -> Credential? {
        guard helper.utf8.allSatisfy({ $0 != UInt8(ascii: "/") && $0 > 0x20 }) else { return nil }
        let program = "docker-credential-\(helper)"
        guard let path = find(program) else {
            throw RegistryFailure(
                "the program \(Shown.whole(program)), which keeps the credentials of \(server), is not on the PATH",
                fix: "install it, or say them to las itself: las login \(server)", .usage)
        }
        guard let answer = HelperProgram.output(of: path, ["get"], input: server, environment: environment) else {
            throw RegistryFailure("the program \(Shown.whole(program)) can't be started", .usage)
        }
        guard answer.status == 0 else {
            let said = String(decoding: answer.output, as: UTF8.self)
            if said.contains("not found") { return nil }
            throw RegistryFailure(
                "the program \(Shown.whole(program)) gives no credentials of \(server)", cause: said, .usage)
        }
        guard let value = try? JSONText.parse(answer.output), let user = value["Username"]?.string,
            let secret = value["Secret"]?.string
        else { return nil }
        return user == "<token>" ? .identity(token: secret) : .password(user: user, password: secret)
    }

    private func find(_ program: String) -> String? {
        for folder in (environment["PATH"] ?? "").split(separator: ":") where access("\(folder)/\(program)", X_OK) == 0
        {
            return "\(folder)/\(program)"
        }
        return nil
    }
}
