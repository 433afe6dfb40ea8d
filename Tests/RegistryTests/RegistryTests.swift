import Digests
import Files
import Glibc
import JSON
import Synchronization
import TestSupport
import Testing

@testable import Registry

@Suite(.enabled(if: RegistryServer.missing == nil, "docker-registry is not installed"), .serialized)
struct RegistryTests {
    /// An image with layers of these sizes, whose bytes follow from their numbers.
    private func layout(_ folder: String, _ layers: [(number: UInt64, size: Int)]) throws -> OCILayout {
        try Folder.make(folder + "/blobs/sha256")
        func add(_ bytes: [UInt8], _ type: String) throws -> JSONValue {
            let digest = Digest(of: bytes)
            try File.write(bytes, to: "\(folder)/blobs/sha256/\(digest.hex)")
            return [
                "mediaType": .string(type), "digest": .string("sha256:" + digest.hex),
                "size": .integer(Int64(bytes.count)),
            ]
        }
        var described: [JSONValue] = []
        var contents: [JSONValue] = []
        for (number, size) in layers {
            var state = number &* 0x9E37_79B9_7F4A_7C15 | 1
            let bytes = (0..<size).map { _ -> UInt8 in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return UInt8(truncatingIfNeeded: state)
            }
            described.append(try add(bytes, "application/vnd.oci.image.layer.v1.tar"))
            contents.append(.string("sha256:" + Digest(of: bytes).hex))
        }
        let config = try add(
            JSONText.bytes(of: [
                "architecture": "amd64", "os": "linux", "config": [:],
                "rootfs": ["type": "layers", "diff_ids": .array(contents)],
            ]), "application/vnd.oci.image.config.v1+json")
        let manifest = JSONText.bytes(of: [
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
            "layers": .array(described),
        ])
        try File.write(manifest, to: "\(folder)/blobs/sha256/\(Digest(of: manifest).hex)")
        let blob = OCILayout.Blob(
            digest: Digest(of: manifest), size: Int64(manifest.count),
            mediaType: "application/vnd.oci.image.manifest.v1+json")
        let layout = OCILayout(
            folder, [.init(environment: nil, manifest: blob)], index: nil,
            try OCILayout.blobs(of: manifest, place: folder))
        try layout.describe()
        return try OCILayout(folder)
    }

    private func credentials(_ folder: String, _ more: [String: String] = [:]) -> Credentials {
        Credentials(
            LASH(root: folder + "/lash"),
            environment: ["HOME": folder + "/home", "PATH": "/usr/bin:/bin"].merging(more) { $1 })
    }

    private func push(
        _ layout: OCILayout, _ reference: String, _ folder: String, _ more: [String: String] = [:]
    ) throws -> Pushed {
        try RegistryPush(
            layout, to: ImageReference(reference), credentials(folder, more), LASH(root: folder + "/lash"),
            isPlain: false
        ).run { _, _ in }
    }

    private func made(_ folder: String, _ names: String...) throws {
        for name in names { try Folder.make("\(folder)/\(name)") }
    }

    @Test func onlyWhatIsMissingIsSent() throws {
        try withScratch { folder in
            try made(folder, "registry")
            let server = try RegistryServer(in: folder + "/registry")
            let first = try layout(folder + "/one", [(1, 4_000_000), (2, 5_000), (3, 0)])
            let seen = Mutex<[Int64]>([])
            let pushed = try RegistryPush(
                first, to: ImageReference("\(server.address)/group/metro:1"), credentials(folder),
                LASH(root: folder + "/lash"), isPlain: false, chunk: 1 << 20
            ).run { done, _ in seen.withLock { $0.append(done) } }
            #expect(pushed.digest == first.manifest.digest && pushed.there == 0)
            #expect(seen.withLock { $0.last } == first.blobs.reduce(0) { $0 + $1.size })
            // Others see the same image.
            let reference = "docker://\(server.address)/group/metro:1"
            let inspected = try Program("skopeo").run("inspect", "--tls-verify=false", reference)
            #expect(inspected.output.contains("sha256:" + first.manifest.digest.hex), "\(inspected.errors)")
            let copied = try Program("skopeo").run(
                "copy", "--src-tls-verify=false", reference, "oci:\(folder)/copied:latest")
            #expect(copied.status == 0, "\(copied.errors)")

            let again = try push(first, "\(server.address)/group/metro:1", folder)
            #expect(again.sent == 0)
            let second = try layout(folder + "/two", [(1, 4_000_000), (9, 6_000)])
            let changed = try push(second, "\(server.address)/group/metro:2", folder)
            #expect(changed.sent < 10_000 && changed.there == 4_000_000)
            // To another name, the registry takes over what it has.
            let other = try push(first, "\(server.address)/other:1", folder)
            #expect(other.sent == 0 && other.there == pushed.sent)
        }
    }

    @Test func whatIsPulledIsWhatWasPushed() throws {
        try withScratch { folder in
            try made(folder, "registry")
            let server = try RegistryServer(in: folder + "/registry")
            let image = try layout(folder + "/one", [(1, 3_000_000), (2, 5_000)])
            _ = try push(image, "\(server.address)/a:1", folder)
            for reference in ["\(server.address)/a:1", "\(server.address)/a@sha256:\(image.manifest.digest.hex)"] {
                try? Folder.remove(folder + "/pulled")
                let pull = try RegistryPull(ImageReference(reference), credentials(folder), isPlain: false)
                let pulled = try pull.run(into: folder + "/pulled", architecture: "amd64") { _, _ in }
                #expect(pulled.manifest == image.manifest)
                #expect(try Program("diff").run("-r", folder + "/one", folder + "/pulled").status == 0)
                #expect(try OCILayout(folder + "/pulled").blobs == image.blobs)
            }
            let missing = #expect(throws: RegistryFailure.self) {
                try RegistryPull(ImageReference("\(server.address)/a:9"), credentials(folder), isPlain: false)
                    .run(into: folder + "/none", architecture: "amd64") { _, _ in }
            }
            #expect(missing?.exitCode == .usage)
            // A layer that the registry holds damaged.
            let blob = "\(folder)/registry/storage/docker/registry/v2/blobs/sha256"
            let digest = image.blobs[1].digest.hex
            let path = "\(blob)/\(digest.prefix(2))/\(digest)/data"
            var bytes = try File.read(path)
            bytes[100] ^= 1
            try File.write(bytes, to: path)
            let damaged = #expect(throws: RegistryFailure.self) {
                try RegistryPull(ImageReference("\(server.address)/a:1"), credentials(folder), isPlain: false)
                    .run(into: folder + "/damaged", architecture: "amd64") { _, _ in }
            }
            #expect(damaged?.exitCode == .integrity)
        }
    }

    @Test func aPasswordIsTakenFromLASHFromDockersFileAndFromItsHelper() throws {
        try withScratch { folder in
            try made(folder, "registry", "home/.docker", "bin")
            let server = try RegistryServer(
                in: folder + "/registry", access: .password(user: "anna", password: "pass:word"))
            let image = try layout(folder + "/one", [(1, 1_000)])
            func refused() throws -> RegistryFailure? {
                #expect(throws: RegistryFailure.self) { try push(image, "\(server.address)/a:1", folder) }
            }
            #expect(try refused()?.fix == "las login \(server.address)")
            let own = credentials(folder)
            try own.keep(user: "anna", password: "wrong", realm: nil, of: server.address)
            #expect(File.status(folder + "/lash/registries.json")?.mode == 0o600)
            #expect(try refused()?.summary == "the registry \(server.address) does not take your name and password")
            try own.keep(user: "anna", password: "pass:word", realm: nil, of: server.address)
            #expect(try push(image, "\(server.address)/a:1", folder).digest == image.manifest.digest)
            #expect(try own.forget(server.address))
            #expect(try !own.forget(server.address))
            _ = try refused()

            let docker = folder + "/home/.docker/config.json"
            let auth = Base64.encode(Array("anna:pass:word".utf8))
            try File.write(#"{"auths": {"\#(server.address)": {"auth": "\#(auth)"}}}"#, to: docker)
            #expect(try push(image, "\(server.address)/b:1", folder).there > 0)

            // Written by another process: what this one has open for writing, a child of another test may have open too, and
            // then nobody can start it.
            let written = try Program("sh", folder: folder + "/bin").run(
                "-c", "cat > docker-credential-testing && chmod 755 docker-credential-testing",
                input: """
                    #!/bin/sh
                    read server
                    [ "$1" = get ] && [ "$server" = \(server.address) ] && echo '{"ServerURL":"x","Username":"anna","Secret":"pass:word"}'

                    """)
            #expect(written.status == 0, "\(written.errors)")
            try File.write(#"{"credHelpers": {"\#(server.address)": "testing"}}"#, to: docker)
            let without = #expect(throws: RegistryFailure.self) { try push(image, "\(server.address)/c:1", folder) }
            #expect(without?.summary.contains("docker-credential-testing") == true)
            let found = try push(image, "\(server.address)/c:1", folder, ["PATH": folder + "/bin:/usr/bin:/bin"])
            #expect(found.digest == image.manifest.digest)
        }
    }

    @Test func tokensAreGotAndGotAgainWhenTheyExpire() throws {
        try withScratch { folder in
            try made(folder, "registry", "tokens")
            let tokens = try TokenServer(in: folder + "/tokens", user: "anna", password: "secret", stale: 1)
            let server = try RegistryServer(
                in: folder + "/registry", access: .tokens(tokens, realm: "http://127.0.0.1:\(tokens.port)/token"))
            let image = try layout(folder + "/one", [(1, 1_000)])
            let nobody = #expect(throws: RegistryFailure.self) { try push(image, "\(server.address)/a:1", folder) }
            #expect(nobody?.fix == "las login \(server.address)")
            try credentials(folder).keep(user: "anna", password: "secret", realm: nil, of: server.address)
            #expect(try push(image, "\(server.address)/a:1", folder).digest == image.manifest.digest)
            #expect(tokens.requests.count { $0.hasPrefix("GET Basic") } >= 2)
            let pull = try RegistryPull(ImageReference("\(server.address)/a:1"), credentials(folder), isPlain: false)
            #expect(
                try pull.run(into: folder + "/pulled", architecture: "amd64") { _, _ in }.manifest == image.manifest)
        }
    }

    @Test func aTokenThatExpiresInTheMiddleOfALayerIsRenewed() throws {
        try withScratch { folder in
            try made(folder, "registry", "tokens")
            let tokens = try TokenServer(in: folder + "/tokens", user: "anna", password: "secret", brief: 1)
            let server = try RegistryServer(
                in: folder + "/registry", access: .tokens(tokens, realm: "http://127.0.0.1:\(tokens.port)/token"))
            let image = try layout(folder + "/one", [(1, 6_000_000)])
            try credentials(folder).keep(user: "anna", password: "secret", realm: nil, of: server.address)
            let hasWaited = Mutex(false)
            let pushed = try RegistryPush(
                image, to: ImageReference("\(server.address)/a:1"), credentials(folder),
                LASH(root: folder + "/lash"), isPlain: false, chunk: 1 << 20
            ).run { done, _ in
                // Some of the layer is there; what is sent later is sent with a token that is no good any more.
                let waits = hasWaited.withLock { hasWaited in
                    let waits = done > 2_000_000 && !hasWaited
                    hasWaited = hasWaited || waits
                    return waits
                }
                if waits { sleep(5) }
            }
            #expect(pushed.digest == image.manifest.digest && hasWaited.withLock { $0 })
            #expect(tokens.requests.count >= 2, "\(tokens.requests)")
            let digest = image.blobs[1].digest.hex
            let there = "\(folder)/registry/storage/docker/registry/v2/blobs/sha256/\(digest.prefix(2))/\(digest)/data"
            #expect(try Program("cmp").run(image.path(of: image.blobs[1]), there).status == 0)
        }
    }

    @Test func credentialsGoToNoOtherMachineUnasked() throws {
        try withScratch { folder in
            try made(folder, "registry", "tokens")
            let tokens = try TokenServer(in: folder + "/tokens", address: "127.0.0.2", user: "anna", password: "secret")
            let server = try RegistryServer(
                in: folder + "/registry", access: .tokens(tokens, realm: "http://127.0.0.2:\(tokens.port)/token"))
            let image = try layout(folder + "/one", [(1, 1_000)])
            try credentials(folder).keep(user: "anna", password: "secret", realm: nil, of: server.address)
            let refused = #expect(throws: RegistryFailure.self) { try push(image, "\(server.address)/a:1", folder) }
            #expect(refused?.exitCode == .integrity)
            #expect(refused?.fix == "if that is right, allow it: las login \(server.address) --realm 127.0.0.2")
            #expect(tokens.requests == [])
            try credentials(folder).keep(user: "anna", password: "secret", realm: "127.0.0.2", of: server.address)
            #expect(try push(image, "\(server.address)/a:1", folder).digest == image.manifest.digest)
        }
    }

    @Test func whereARegistryLeadsElsewhereWithoutEncryptionNobodyIsAsked() throws {
        try withScratch { folder in
            try made(folder, "registry/storage", "elsewhere")
            let blobs = try BlobServer(of: folder + "/registry/storage", in: folder + "/elsewhere")
            let server = try RegistryServer(
                in: folder + "/registry", access: .password(user: "anna", password: "pass:word"),
                elsewhere: blobs.address)
            let image = try layout(folder + "/one", [(1, 2_000_000), (2, 5_000)])
            try credentials(folder).keep(user: "anna", password: "pass:word", realm: nil, of: server.address)
            let failure = #expect(throws: RegistryFailure.self) {
                _ = try push(image, "\(server.address)/a:1", folder)
                _ = try RegistryPull(ImageReference("\(server.address)/a:1"), credentials(folder), isPlain: false)
                    .run(into: folder + "/pulled", architecture: "amd64") { _, _ in }
            }
            #expect(failure?.cause?.hasPrefix(blobs.address) == true)
            #expect(failure?.summary.contains("pass") == false)
            #expect(blobs.shown == [])
        }
    }

    @Test func theImagesOfSeveralEnvironmentsAreThereTogether() throws {
        try withScratch { folder in
            try made(folder, "registry")
            let server = try RegistryServer(in: folder + "/registry")
            let one = try layout(folder + "/both", [(1, 2_000_000), (2, 5_000)])
            for name in ["index.json", "oci-layout"] { File.remove(folder + "/both/" + name) }
            let other = try layout(folder + "/both", [(1, 2_000_000), (3, 6_000)])
            let entries = [("main", one), ("plots", other)].map { name, image -> JSONValue in
                [
                    "mediaType": .string(image.manifest.mediaType),
                    "digest": .string("sha256:" + image.manifest.digest.hex), "size": .integer(image.manifest.size),
                    "annotations": ["las.environment": .string(name)],
                    "platform": ["architecture": "amd64", "os": "linux"],
                ]
            }
            let index = JSONText.bytes(of: [
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": .array(entries),
            ])
            try File.write(index, to: folder + "/both/index.json")
            let both = try OCILayout(folder + "/both")
            #expect(both.images.map(\.environment) == ["main", "plots"])
            let pushed = try push(both, "\(server.address)/a:1", folder)
            #expect(pushed.digest == Digest(of: index) && pushed.images == both.images)
            // What they have in common is sent once.
            #expect(pushed.sent < 2_020_000)
            let raw = try Program("skopeo").run(
                "inspect", "--raw", "--tls-verify=false", "docker://\(server.address)/a:1")
            #expect(raw.output == String(decoding: index, as: UTF8.self), "\(raw.errors)")
            let pull = try RegistryPull(ImageReference("\(server.address)/a:1"), credentials(folder), isPlain: false)
            let pulled = try pull.run(into: folder + "/pulled", architecture: "amd64") { _, _ in }
            #expect(pulled.digest == pushed.digest && pulled.images == both.images)
            #expect(
                try push(try OCILayout(folder + "/pulled"), "\(server.address)/b:1", folder).digest == pushed.digest)
            // Images that nobody says the environment of are not sent.
            try File.write(
                Array(String(decoding: index, as: UTF8.self).replacing("las.environment", with: "x").utf8),
                to: folder + "/both/index.json")
            #expect(throws: RegistryFailure.self) { try OCILayout(folder + "/both") }
        }
    }

    @Test func connectionsThatBreakAreMadeAnew() throws {
        try withScratch { folder in
            try made(folder, "registry")
            let server = try RegistryServer(in: folder + "/registry")
            let image = try layout(folder + "/one", (1...6).map { ($0, 1_200_000) })
            // Each connection is cut after 2 MB: a layer comes through, the next one does not.
            let proxy = try CuttingProxy(to: server.port, cutAfter: 2_000_000)
            let pushed = try push(image, "127.0.0.1:\(proxy.port)/a:1", folder)
            #expect(pushed.digest == image.manifest.digest)
            let path = image.path(of: image.blobs[1])
            let digest = image.blobs[1].digest.hex
            let there = "\(folder)/registry/storage/docker/registry/v2/blobs/sha256/\(digest.prefix(2))/\(digest)/data"
            #expect(try Program("cmp").run(path, there).status == 0)
        }
    }

    @Test func aRegistryThatDiesHasNoHalfImage() throws {
        try withScratch { folder in
            try made(folder, "registry")
            let server = try RegistryServer(in: folder + "/registry")
            let image = try layout(folder + "/one", [(1, 4_000_000)])
            let failure = #expect(throws: RegistryFailure.self) {
                try RegistryPush(
                    image, to: ImageReference("\(server.address)/a:1"), credentials(folder),
                    LASH(root: folder + "/lash"), isPlain: false, chunk: 1 << 20
                ).run { done, _ in if done > 1_000_000 { server.stop() } }
            }
            #expect(failure?.exitCode == .unreachable)
            #expect(!File.exists("\(folder)/registry/storage/docker/registry/v2/repositories/a/_manifests"))
        }
    }

    @Test(.enabled(if: geteuid() == 0, "a small disk needs a mount, and that root"))
    func aFullDiskBehindTheRegistryIsTold() throws {
        try withScratch { folder in
            try made(folder, "registry", "small")
            #expect(try Program("mount").run("-t", "tmpfs", "-o", "size=3m", "none", folder + "/small").status == 0)
            defer { _ = try? Program("umount").run("-l", folder + "/small") }
            let server = try RegistryServer(in: folder + "/registry", storage: folder + "/small")
            let image = try layout(folder + "/one", [(1, 6_000_000)])
            let failure = #expect(throws: RegistryFailure.self) { try push(image, "\(server.address)/a:1", folder) }
            #expect(failure?.summary.hasPrefix("the registry refuses ") == true, "\(failure!)")
            #expect(!File.exists("\(folder)/small/docker/registry/v2/repositories/a/_manifests"))
            server.stop()
        }
    }
}
