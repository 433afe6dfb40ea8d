import Files
import Foundation
import JSON
import TestSupport
import Testing

/// What a registry holds of a metro, and where it lets it lie.
@Suite(
    .enabled(if: BuiltPrograms.areThere && RegistryServer.missing == nil, "needs las (make build) and docker-registry"))
struct RegistryPlacesTests {
    private func text(_ path: String) throws -> String { String(decoding: try File.read(path), as: UTF8.self) }

    @Test func aMetroWithSeveralEnvironmentsBecomesAnImageForEach() throws {
        try withScratch { folder in
            try Folder.make(folder + "/registry")
            let server = try RegistryServer(in: folder + "/registry")
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: two
                lines:
                  one:
                    - { station: numbers, command: "seq 5 > {out}", out: numbers }
                    - { station: sum, command: "paste -sd+ {in} | bc > {out}", out: sum, needs: { debian: [bc] } }
                results: [sum]

                """, to: folder + "/m/metro.yml")
            let las = LasCommand(in: folder)
            let name = "\(server.address)/two"
            let pushed = try las("push", "m", "\(name):1", "--json")
            try #require(pushed.status == 0, "\(pushed.errors)")
            let told = try JSONText.parse(Array(pushed.output.utf8))
            let images = told["environments"]?.object?.mapValues { $0.string ?? "" } ?? [:]
            #expect(images.keys.sorted() == ["main", "sum"])
            func layers(_ reference: String) throws -> [String] {
                let raw = try Program("skopeo").run("inspect", "--raw", "--tls-verify=false", "docker://" + reference)
                try #require(raw.status == 0, "\(raw.errors)")
                return try JSONText.parse(Array(raw.output.utf8))["layers"]?.array?.compactMap { $0["digest"]?.string }
                    ?? []
            }
            let (main, sum) = (try layers(images["main"] ?? ""), try layers(images["sum"] ?? ""))
            #expect(Set(main) != Set(sum) && Set(main).intersection(sum).count >= 4, "\(main) \(sum)")

            // Of an edited metro only what has changed is sent, and the lines are those that a manifest takes.
            try File.write(
                try File.read(folder + "/m/metro.yml") + Array("# edited\n".utf8), to: folder + "/m/metro.yml")
            let again = try las("push", "m", "\(name):2")
            try #require(again.status == 0, "\(again.errors)")
            #expect(again.lines.count == 3 && again.lines[0].hasPrefix("main=\(name)@sha256:"), "\(again.output)")
            let given = again.lines.dropLast().flatMap { ["--image", $0] }
            let written = try las(["manifest", "kubernetes", "m"] + given)
            #expect(written.status == 0, "\(written.errors)")
            for line in again.lines.dropLast() {
                #expect(written.output.contains("image: \"\(line.split(separator: "=", maxSplits: 1)[1])\""), "\(line)")
            }
            let one = try las("manifest", "kubernetes", "m", "--image", again.lines[0])
            #expect(
                one.status == 2 && one.errors.contains("the image of the environment sum is not named"), "\(one.errors)"
            )
            let single = try las(["manifest", "kubernetes", "m", "--single"] + given)
            #expect(single.status == 2 && single.errors.contains("one pod has one environment"), "\(single.errors)")

            // The whole of it, pulled and sent elsewhere, is the same; and so is what a bundle becomes, in its way.
            let pulled = try las("pull", "\(name):2", "--output", "pulled")
            try #require(pulled.status == 0, "\(pulled.errors)")
            let sent = try las("push", "pulled", "\(server.address)/other:1")
            #expect(sent.lines.last?.hasSuffix(again.lines[2].suffix(64)) == true, "\(sent.errors)")
            try #require(try las("pack", "m", "--output", "two.las").status == 0)
            let bundle = try las("push", "two.las", "\(server.address)/bundle:1")
            #expect(bundle.lines.count == 3, "\(bundle.errors)")
        }
    }

    /// On its own, an image of one environment says that it is not enough.
    @Test(.enabled(if: geteuid() == 0 && Pods.missing == nil, "needs root, runc and umoci"))
    func anImageOfOneEnvironmentRunsNotTheWholeMetro() throws {
        try withScratch { folder in
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: two
                lines:
                  one:
                    - { station: numbers, command: "seq 5 > {out}", out: numbers }
                    - { station: sum, command: "paste -sd+ {in} | bc > {out}", out: sum, needs: { debian: [bc] } }

                """, to: folder + "/m/metro.yml")
            let las = LasCommand(in: folder)
            let packed = try las("pack", "m", "--format", "oci", "--output", "image")
            try #require(packed.status == 0, "\(packed.errors)")
            func container(_ environment: String, _ arguments: [String]) throws -> Program.Ended {
                let place = "\(folder)/\(environment)"
                if !File.exists(place) {
                    let unpacked = try Program("umoci", folder: folder).run(
                        "unpack", "--image", "image:" + environment, place)
                    try #require(unpacked.status == 0, "\(unpacked.errors)")
                    try Folder.make(folder + "/work")
                }
                let path = place + "/config.json"
                var config = try #require(try JSONText.parse(try File.read(path)).object)
                var process = config["process"]?.object ?? [:]
                process["terminal"] = .bool(false)
                process["args"] = .array((["/.las/las-runtime"] + arguments).map { .string($0) })
                config["process"] = .object(process)
                config["mounts"] = .array(
                    (config["mounts"]?.array ?? []).filter { $0["destination"]?.string != "/work" } + [
                        [
                            "destination": "/work", "source": .string(folder + "/work"), "type": "bind",
                            "options": ["rbind", "rw"],
                        ]
                    ])
                try File.write(JSONText.bytes(of: .object(config)), to: path)
                return try Program("runc", folder: place).run(
                    "--root", folder + "/runc", "run", "las-\(environment)-\(getpid())-\(arguments.count)")
            }
            let refused = try container("main", ["run"])
            #expect(refused.status == 2, "\(refused.errors)")
            #expect(
                refused.errors.contains("this image holds one of the metro's 2 environments, main"), "\(refused.errors)"
            )
            // Each runs its own stations.
            for (environment, station) in [("main", "numbers"), ("sum", "sum")] {
                let ended = try container(
                    environment,
                    [
                        "step", "--work", "/work/run", "--run", "r", "--station", station, "--number", "0", "--lash",
                        "/tmp/l",
                    ])
                #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            }
            #expect(try text(folder + "/work/run/made/sum/sum") == "15\n")
        }
    }

    /// As where a registry keeps its layers in a cloud's store: what is asked for there is asked without any name.
    @Test func layersThatLieOnAnotherMachineAreFetchedThereWithoutCredentials() throws {
        try withScratch { folder in
            for name in ["registry/storage", "elsewhere", ".docker"] { try Folder.make("\(folder)/\(name)") }
            let blobs = try BlobServer(of: folder + "/registry/storage", in: folder + "/elsewhere", isSecure: true)
            let server = try RegistryServer(
                in: folder + "/registry", access: .password(user: "anna", password: "pass:word"),
                elsewhere: blobs.address)
            var las = try Template("hello", in: folder).las
            let auth = Data("anna:pass:word".utf8).base64EncodedString()
            try File.write(
                "{\"auths\": {\"\(server.address)\": {\"auth\": \"\(auth)\"}}}", to: folder + "/.docker/config.json")
            let pushed = try las("push", "metro", "\(server.address)/hello:1", "--json")
            try #require(pushed.status == 0, "\(pushed.errors)")
            let digest = try JSONText.parse(Array(pushed.output.utf8))["digest"]?.string ?? "?"
            // That they lie elsewhere says that they are there.
            let again = try las("push", "metro", "\(server.address)/hello:1", "--json")
            #expect(try JSONText.parse(Array(again.output.utf8))["sent"]?.integer == 0, "\(again.errors)")

            // Nobody vouches for that machine.
            let unknown = try las("pull", "\(server.address)/hello:1", "--output", "unknown")
            #expect(unknown.status != 0 && !File.exists(folder + "/unknown"), "\(unknown.errors)")
            las.variables["SSL_CERT_FILE"] = blobs.certificate
            let pulled = try las("pull", "\(server.address)/hello:1", "--output", "pulled")
            try #require(pulled.status == 0, "\(pulled.errors)")
            #expect(pulled.errors.contains(digest))
            #expect(!blobs.shown.isEmpty && blobs.shown.allSatisfy { $0 == "-" }, "\(blobs.shown)")
        }
    }
}
