import Files
import Glibc
import JSON
import TestSupport
import Testing

/// What bundles are besides: images for other programs, and files that can be looked into, compared and signed.
@Suite struct FormatsTests {
    @Test(.enabled(if: geteuid() == 0, "runc needs root here"))
    func aContainerRunsTheMetroOfAnOCIImage() throws {
        try withScratch { folder in
            let template = try Template("word-count", in: folder)
            try template.run()
            let packed = try template.las("pack", "metro", "--format", "oci", "--output", "words.oci")
            try #require(packed.status == 0, "\(packed.errors)")
            let unpacked = try Program("umoci", folder: folder).run(
                "unpack", "--image", "words.oci:latest", "container")
            try #require(unpacked.status == 0, "\(unpacked.errors)")
            let quiet = #"s/"terminal": *true/"terminal": false/"#
            #expect(try Program("sed").run("-i", quiet, folder + "/container/config.json").status == 0)
            let ended = try Program("runc", folder: folder + "/container").run(
                "--root", folder + "/runc", "run", "las-words-\(getpid())")
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            #expect((ended.output + ended.errors).contains("word-count runs here; engine: container"))
            let compared = try Program("diff").run("-r", folder + "/results", folder + "/container/rootfs/results")
            #expect(compared.status == 0, "\(compared.output)")
        }
    }

    @Test func aBundleIsLookedIntoAndComparedAndTakenApart() throws {
        try withScratch { folder in
            let template = try Template("hello", in: folder)
            let las = template.las
            try #require(try las("pack", "metro", "--output", "one.las").status == 0)
            let text = try File.read(folder + "/metro/metro.yml")
            try File.write(text + Array("# edited\n".utf8), to: folder + "/metro/metro.yml")
            try #require(try las("pack", "metro", "--output", "two.las").status == 0)

            let told = try JSONText.parse(Array(try las("inspect", "one.las", "--json").output.utf8))
            #expect(told["metro"]?.string == "hello")
            let packages = told["environments"]?.array?.first?["packages"]?.array ?? []
            #expect(packages.contains { $0["name"]?.string == "bash" })
            let why = try las("inspect", "one.las", "--why", "/usr/bin/bash")
            #expect(why.output.contains(": of bash 5"), "\(why.output)\(why.errors)")
            #expect(try las("inspect", "one.las", "--why", "/usr/bin/nothing").status == 2)

            let difference = try las("diff", "one.las", "two.las")
            #expect(difference.output.contains("~ metro.yml"), "\(difference.output)\(difference.errors)")
            #expect(!difference.output.contains("usr/bin"))

            let unpacked = try las("unpack", "one.las", "--to", "out")
            #expect(unpacked.status == 0, "\(unpacked.errors)")
            #expect(try File.read(folder + "/out/metro/metro.yml") == text)
            #expect(File.exists(folder + "/out/environments/main/usr/bin/bash"))
            #expect(try las("unpack", "one.las", "--to", "out").status == 2)
        }
    }

    /// The lock stays as it is, and so do the packages.
    @Test func documentationIsLeftOutUnlessTheMetroWantsIt() throws {
        try withScratch { folder in
            let template = try Template("hello", in: folder)
            let las = template.las
            try #require(try las("pack", "metro", "--output", "slim.las").status == 0)
            let lock = try File.read(folder + "/metro/metro.lock")
            let text = try File.read(folder + "/metro/metro.yml")
            try File.write(text + Array("needs: { slim: no }\n".utf8), to: folder + "/metro/metro.yml")
            try #require(try las("pack", "metro", "--output", "whole.las").status == 0)
            #expect(try File.read(folder + "/metro/metro.lock") == lock)

            func leftOut(_ bundle: String) throws -> [String] {
                let told = try JSONText.parse(Array(try las("inspect", bundle, "--json").output.utf8))
                return (told["environments"]?.array?.first?["left_out"]?.array ?? []).compactMap { $0["what"]?.string }
            }
            #expect(try leftOut("slim.las").starts(with: ["documentation", "manual pages", "translations"]))
            #expect(try leftOut("whole.las") == [])
            let page = "/usr/share/man/man1/bash.1.gz"
            let why = try las("inspect", "slim.las", "--why", page)
            #expect(why.output.contains("of bash, and left out of the image (manual pages)"), "\(why.output)")
            #expect(try las("inspect", "whole.las", "--why", page).output.contains("of bash 5"))
            let sizes = ["slim", "whole"].compactMap { File.status("\(folder)/\($0).las")?.size }
            #expect(sizes.count == 2 && sizes[0] + 5_000_000 < sizes[1])
            let difference = try las("diff", "slim.las", "whole.las", "--all")
            #expect(difference.output.contains("+ usr/share/man/man1/bash.1.gz"), "\(difference.output)")
        }
    }

    @Test func aSignedBundleIsKnownWhereItsKeyIsTrusted() throws {
        try withScratch { folder in
            let template = try Template("hello", in: folder)
            let las = template.las
            try #require(try las("pack", "metro", "--output", "x.las").status == 0)
            let (anna, ben) = (folder + "/anna", folder + "/ben")
            #expect(try las("verify", "x.las", "--lash", anna).status == 5)
            #expect(try las("key", "new", "anna", "--lash", anna).status == 0)
            #expect(try las("sign", "x.las", "--lash", anna).status == 0)
            #expect(try las("verify", "x.las", "--lash", anna).status == 0)
            #expect(File.status(anna + "/keys/anna.key")?.mode == 0o600)

            // Another person, on another machine.
            #expect(try las("key", "require", "on", "--lash", ben).status == 0)
            let bundle = Program(folder + "/x.las", environment: ["HOME": folder, "LASH": ben], folder: folder)
            let refused = try bundle.run("run")
            #expect(refused.status == 5, "\(refused.errors)")
            #expect(refused.errors.contains("signed by a key that is trusted here"))
            #expect(!File.exists(folder + "/results"))
            #expect(try las("key", "trust", anna + "/keys/anna.pub", "--lash", ben).status == 0)
            let ended = try bundle.run("run")
            #expect(ended.status == 0, "\(ended.errors)")
        }
    }
}

/// A metro goes through a real registry to other engines.
@Suite(
    .enabled(if: BuiltPrograms.areThere && RegistryServer.missing == nil, "needs las (make build) and docker-registry"))
struct RegistryRoundTests {
    @Test(.enabled(if: geteuid() == 0, "runc needs root here"))
    func aMetroIsPushedAndRunsFromTheRegistry() throws {
        try withScratch { folder in
            try Folder.make(folder + "/registry")
            let server = try RegistryServer(in: folder + "/registry")
            let template = try Template("word-count", in: folder)
            try template.run()
            let las = template.las
            let name = "\(server.address)/words"
            let pushed = try las("push", "metro", "\(name):1", "--json")
            try #require(pushed.status == 0, "\(pushed.errors)")
            let told = try JSONText.parse(Array(pushed.output.utf8))
            let (digest, all) = (told["digest"]?.string ?? "", told["sent"]?.integer ?? 0)

            // Of an edited metro, the layer with its own files is sent, and what describes the image.
            let script = folder + "/metro/metro.yml"
            try File.write(try File.read(script) + Array("# edited\n".utf8), to: script)
            let again = try las("push", "metro", "\(name):2", "--json")
            let sent = try JSONText.parse(Array(again.output.utf8))["sent"]?.integer ?? .max
            #expect(sent * 100 <= all, "\(sent) of \(all) bytes: \(again.errors)")

            let copied = try Program("skopeo", folder: folder).run(
                "copy", "--src-tls-verify=false", "docker://\(name)@\(digest)", "oci:copied:latest")
            #expect(copied.status == 0, "\(copied.errors)")
            let pulled = try las("pull", "\(name)@\(digest)", "--output", "pulled")
            #expect(pulled.status == 0, "\(pulled.errors)")
            #expect(pulled.errors.contains(digest))
            #expect(try las("pull", "\(name):1", "--output", "pulled").status == 2)
            let unpacked = try Program("umoci", folder: folder).run(
                "unpack", "--image", "pulled:latest", "container")
            try #require(unpacked.status == 0, "\(unpacked.errors)")
            let quiet = #"s/"terminal": *true/"terminal": false/"#
            #expect(try Program("sed").run("-i", quiet, folder + "/container/config.json").status == 0)
            let ended = try Program("runc", folder: folder + "/container").run(
                "--root", folder + "/runc", "run", "las-pulled-\(getpid())")
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            let compared = try Program("diff").run("-r", folder + "/results", folder + "/container/rootfs/results")
            #expect(compared.status == 0, "\(compared.output)")
        }
    }

    /// As its documentation says: fetched from the registry and run, with nothing else said of the metro.
    @Test(.enabled(if: geteuid() == 0 && Program.find("podman") != nil, "podman, as root, is needed"))
    func podmanRunsTheMetroFromTheRegistry() throws {
        try withScratch { folder in
            try Folder.make(folder + "/registry")
            let server = try RegistryServer(in: folder + "/registry")
            let template = try Template("word-count", in: folder)
            try template.run()
            let pushed = try template.las("push", "metro", "\(server.address)/words:1")
            try #require(pushed.status == 0, "\(pushed.errors)")
            // A store of its own; what this machine's kernel needs of it.
            func store(_ driver: String) -> [String] {
                [
                    "--root", "\(folder)/\(driver)", "--runroot", "\(folder)/\(driver)-run", "--storage-driver", driver,
                    "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
                ]
            }
            let shares = try Program("podman").run(store("overlay") + ["info"]).status == 0
            let store = store(shares ? "overlay" : "vfs")
            let name = "las-words-\(getpid())"
            defer { _ = try? Program("podman").run(store + ["rm", "--force", name]) }
            let ended = try Program("podman", folder: folder).run(
                store + [
                    "run", "--name", name, "--tls-verify=false", "--network=none", "--ulimit", "nofile=1024:1024",
                    "--ulimit", "nproc=4096:4096", "\(server.address)/words:1",
                ])
            try #require(ended.status == 0, "\(ended.output)\(ended.errors)")
            let copied = try Program("podman").run(store + ["cp", "\(name):/results", folder + "/there"])
            #expect(copied.status == 0, "\(copied.errors)")
            let compared = try Program("diff").run("-r", folder + "/results", folder + "/there")
            #expect(compared.status == 0, "\(compared.output)")
        }
    }

    @Test func aBundleIsPushedAsWell() throws {
        try withScratch { folder in
            try Folder.make(folder + "/registry")
            let server = try RegistryServer(in: folder + "/registry")
            let las = try Template("hello", in: folder).las
            try #require(try las("pack", "metro", "--output", "x.las").status == 0)
            let pushed = try las("push", "x.las", "\(server.address)/hello")
            #expect(pushed.status == 0, "\(pushed.errors)")
            let inspected = try Program("skopeo").run(
                "inspect", "--config", "--tls-verify=false", "docker://\(server.address)/hello:latest")
            #expect(inspected.output.contains("/.las/las-runtime"), "\(inspected.errors)")
            let wrong = try las("push", "x.las", "alice/hello:latest")
            #expect(wrong.status == 2 && wrong.errors.contains("docker.io/alice/hello:latest"), "\(wrong.errors)")
        }
    }
}
