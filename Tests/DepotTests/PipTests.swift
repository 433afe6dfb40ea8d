import Digests
import Failures
import Files
import Layers
import Metro
import TestSupport
import Testing

@testable import Depot

/// What this machine's pip is told, and what las makes of it.
@Suite struct PipConfigurationTests {
    @Test func theVariablesComeBeforeTheFiles() throws {
        try withScratch { folder in
            try File.write(
                "[global]\nindex-url = https://one.example.org/simple\ntimeout: 7\n[install]\nextra-index-url =\n    https://two.example.org/\n    https://three.example.org/\n[search]\nproxy = x\n",
                to: folder + "/pip.conf")
            let environment = ["PIP_CONFIG_FILE": folder + "/pip.conf", "HOME": folder, "https_proxy": "p:1"]
            let variables = PipConfiguration.ofMachine(environment: environment).variables(certificates: nil)
            #expect(variables["PIP_INDEX_URL"] == "https://one.example.org/simple")
            #expect(variables["PIP_EXTRA_INDEX_URL"] == " https://two.example.org/ https://three.example.org/")
            #expect(
                variables["PIP_TIMEOUT"] == "7" && variables["PIP_PROXY"] == nil && variables["https_proxy"] == "p:1")
            let other = PipConfiguration.ofMachine(
                environment: environment.merging(["PIP_INDEX_URL": "https://mine.example.org/"]) { $1 })
            #expect(other.variables(certificates: "/c")["PIP_INDEX_URL"] == "https://mine.example.org/")
            #expect(other.variables(certificates: "/c")["PIP_CERT"] == "/c")
        }
    }

    @Test func aPasswordGoesToItsOwnServerAlone() {
        let pip = PipConfiguration.ofMachine(environment: [
            "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": "https://me:pass%40word@index.example.org/simple/",
        ])
        let wheel = "https://index.example.org/files/a.whl"
        #expect(pip.withCredentials(wheel) == "https://me:pass%40word@index.example.org/files/a.whl")
        for other in [
            "http://index.example.org/a.whl", "https://index.example.org.evil.org/a.whl", "https://example.org/a.whl",
        ] { #expect(pip.withCredentials(other) == other) }
        #expect(PipConfiguration.withoutCredentials(pip.withCredentials(wheel)) == wheel)
        #expect(!pip.withoutSecrets("see https://me:pass%40word@index.example.org/: pass%40word").contains("pass%40"))
    }
}

/// An index of wheels, made for one test: a folder that a server can offer.
struct TinyIndex {
    let folder: String

    /// A wheel of one module that says its version, with a script `NAME-says`.
    func add(_ name: String, _ version: String, needs: [String] = []) throws {
        let file = "\(name)-\(version)-py3-none-any.whl"
        let wheels = folder + "/wheels"
        try Folder.make(wheels)
        let information = "\(name)-\(version).dist-info"
        let metadata =
            "Metadata-Version: 2.1\nName: \(name)\nVersion: \(version)\n"
            + needs.map { "Requires-Dist: \($0)\n" }.joined()
        let files = [
            "\(name).py": "def main():\n    print('\(name) \(version)')\n", "\(information)/METADATA": metadata,
            "\(information)/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "\(information)/entry_points.txt": "[console_scripts]\n\(name)-says = \(name):main\n",
            "\(information)/RECORD": "",
        ]
        let source = folder + "/source-\(name)-\(version)"
        for (path, text) in files {
            try Folder.make(File.parent(of: "\(source)/\(path)"))
            try File.write(text, to: "\(source)/\(path)")
        }
        let zipped = try Program("python3", folder: source).run("-m", "zipfile", "-c", "\(wheels)/\(file)", ".")
        try #require(zipped.status == 0, "\(zipped.errors)")
        try list(file, of: name)
    }

    /// A source distribution with a build backend of its own, which needs `builder` to build, and nobody says so before it is
    /// asked. What it builds says what that said.
    func addSource(_ name: String, _ version: String, builder: String) throws {
        let source = folder + "/\(name)-\(version)"
        let backend = """
            import os, zipfile
            information = "\(name)-\(version).dist-info"
            metadata = "Metadata-Version: 2.1\\nName: \(name)\\nVersion: \(version)\\n"
            def get_requires_for_build_wheel(settings=None):
                return ["\(builder)"]
            def prepare_metadata_for_build_wheel(folder, settings=None):
                os.mkdir(os.path.join(folder, information))
                with open(os.path.join(folder, information, "METADATA"), "w") as file: file.write(metadata)
                return information
            def build_wheel(folder, settings=None, metadata_folder=None):
                import \(builder), socket
                try:
                    socket.create_connection(("127.0.0.1", int(open("port").read())), 1)
                    raise SystemExit("there is a network")
                except OSError: pass
                name = "\(name)-\(version)-py3-none-any.whl"
                with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
                    def add(path, text): wheel.writestr(zipfile.ZipInfo(path), text)
                    add("\(name).py", "def main():\\n    print('\(name) built with " + \(builder).__name__ + "')\\n")
                    add(information + "/METADATA", metadata)
                    add(information + "/WHEEL", "Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
                    add(information + "/RECORD", "")
                return name

            """
        try Folder.make(source + "/own")
        try File.write(backend, to: source + "/own/backend.py")
        try File.write(
            "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\"own\"]\n",
            to: source + "/pyproject.toml")
        try File.write(
            "Metadata-Version: 2.1\nName: \(name)\nVersion: \(version)\n", to: source + "/PKG-INFO")
        try Folder.make(folder + "/wheels")
    }

    /// - Parameter port: one that the build tries to reach.
    func publishSource(_ name: String, _ version: String, port: Int) throws {
        try File.write("\(port)", to: "\(folder)/\(name)-\(version)/port")
        let file = "\(name)-\(version).tar.gz"
        let packed = try Program("tar", folder: folder).run("-czf", "wheels/\(file)", "\(name)-\(version)")
        try #require(packed.status == 0, "\(packed.errors)")
        try list(file, of: name)
    }

    private func list(_ file: String, of name: String) throws {
        let wheels = folder + "/wheels"
        let page = folder + "/simple/\(name)/index.html"
        try Folder.make(File.parent(of: page))
        let before = (try? File.read(page)).map { String(decoding: $0, as: UTF8.self) } ?? "<!DOCTYPE html>\n"
        let digest = Digest(of: try File.read("\(wheels)/\(file)"))
        try File.write(before + "<a href=\"/wheels/\(file)#sha256=\(digest)\">\(file)</a>\n", to: page)
    }
}

/// Python's packages in an environment, with Debian's own pip.
@Suite(
    .serialized,
    .enabled(if: RealArchives.isReachable, "the archives of this machine's apt sources can't be reached from here"))
struct PipTests {
    func depot(_ variables: [String: String], lash: LASH = RealArchives.lash) throws -> Depot {
        let plain = try RealArchives.depot(lash)
        return Depot(
            lash: lash, sources: plain.sources, architecture: plain.architecture,
            pip: .ofMachine(environment: variables.merging(["PIP_CONFIG_FILE": "/dev/null"]) { $1 }))
    }

    @Test func whatAnIndexHasIsLockedAndInstalledWithoutANetwork() async throws {
        try await withScratch("pip") { folder in
            let index = TinyIndex(folder: folder)
            for version in ["1.0", "1.5", "2.0"] { try index.add("tinyone", version, needs: ["tinytwo>=1"]) }
            try index.add("tinytwo", "3.1")
            let server = try LoopbackServer(folder: folder)
            let address = "http://me:secret-word@127.0.0.1:\(server.port)/simple/"
            let depot = try depot(["PIP_INDEX_URL": address])
            let needs = Needs(pip: PipNeeds(packages: ["tinyone==1.*"]))
            let lock = try await depot.lock(["main": needs])
            #expect(!String(decoding: lock.text, as: UTF8.self).contains("secret-word"))
            let environment = try #require(lock.environments["main"])
            #expect(environment.wheels.map(\.title) == ["tinyone 1.5", "tinytwo 3.1"])
            #expect(!environment.packages.contains { $0.name == "python3-pip" }, "it is there for building alone")
            #expect(try JSONRoundTrip.lock(lock) == lock)

            let none = try await failure {
                _ = try depot.wheels(for: PipNeeds(packages: ["tinyone==9.*"]), in: environment)
            }
            #expect(none.exitCode == .usage && none.summary == "pip does not find all packages")
            #expect(none.cause?.contains("tinyone==9.*") == true && none.fix?.contains("names and versions") == true)

            let tree = try await depot.build(environment)
            let said = try RealPackagesTests().run(
                "export PATH; tinyone-says; python3 -c 'import tinytwo; tinytwo.main()'", in: tree)
            #expect(said == "tinyone 1.5\ntinytwo 3.1\n")
            server.end()

            // With neither the index nor the layer, from the wheels that were fetched: the same bytes.
            let layer = try #require(tree.layers.last)
            try Folder.remove(File.parent(of: layer.tree))
            let again = try #require(try await depot.build(environment).layers.last)
            #expect(again.digest == layer.digest && again.entries == layer.entries)
            let paths = again.entries.map(\.path.string)
            #expect(paths.contains("usr/local/bin/tinyone-says"))
            #expect(paths.allSatisfy { $0 == "usr" || $0.hasPrefix("usr/local") && !$0.hasSuffix(".pyc") })

            let lost = try self.depot(["PIP_INDEX_URL": address, "PIP_RETRIES": "1"])
            let failure = try await failure {
                _ = try lost.wheels(for: PipNeeds(packages: ["tinyone"]), in: environment)
            }
            #expect(failure.exitCode == .unreachable && !failure.description.contains("secret-word"))
        }
    }

    /// From the index that this machine's pip has: one of Python alone with a program, one with compiled code.
    @Test func realWheelsWork() async throws {
        let depot = Depot(
            lash: RealArchives.lash, sources: try RealArchives.depot(RealArchives.lash).sources,
            architecture: try Architecture.ofThisMachine(),
            pip: .ofMachine(environment: Program("true").environment))
        let needs = Needs(pip: PipNeeds(packages: ["MarkupSafe>=2", "tabulate==0.9.*"]))
        let lock: Lock
        do {
            lock = try await depot.lock(["main": needs])
        } catch let failure as DepotFailure where failure.exitCode == .unreachable {
            try Test.cancel("the index of Python's packages can't be reached from here: \(failure)")
        }
        let environment = try #require(lock.environments["main"])
        let tree = try await depot.build(environment)
        let said = try RealPackagesTests().run(
            "export PATH; python3 -c 'import markupsafe._speedups; print(markupsafe.escape(\"<a>\"))'; printf 'a b\\n1 2\\n' | tabulate -1 -f pipe",
            in: tree)
        #expect(said.hasPrefix("&lt;a&gt;\n| "), "\(said)")
    }
}

/// Python's packages without a wheel.
@Suite(
    .serialized,
    .enabled(if: RealArchives.isReachable, "the archives of this machine's apt sources can't be reached from here"))
struct SourceDistributionTests {
    /// Another tool than the one that installs it is locked too; the build has no network.
    @Test func itIsBuiltWithWhatItsBackendAsksFor() async throws {
        try await withScratch("pip") { folder in
            let index = TinyIndex(folder: folder)
            try index.add("tinytwo", "3.1")
            try index.addSource("tinythree", "0.2", builder: "tinytwo")
            let server = try LoopbackServer(folder: folder)
            try index.publishSource("tinythree", "0.2", port: Int(server.port))
            let depot = try PipTests().depot(["PIP_INDEX_URL": "http://127.0.0.1:\(server.port)/simple/"])
            let lock = try await depot.lock(["main": Needs(pip: PipNeeds(packages: ["tinythree"]))])
            #expect(try JSONRoundTrip.lock(lock) == lock)
            let environment = try #require(lock.environments["main"])
            let wheel = try #require(environment.wheels.first)
            #expect(environment.wheels.count == 1 && wheel.title == "tinythree 0.2")
            #expect(wheel.builders?.map(\.title) == ["tinytwo 3.1"])
            let tree = try await depot.build(environment)
            let said = try RealPackagesTests().run(
                "export PATH; python3 -c 'import tinythree; tinythree.main()'; { python3 -c 'import tinytwo' 2>&1 || true; } | tail -1",
                in: tree)
            #expect(said == "tinythree built with tinytwo\nModuleNotFoundError: No module named 'tinytwo'\n")
            let kept = try LockContents(of: lock, in: RealArchives.lash)
            #expect(kept.sources.contains { $0.path == "packages/\(wheel.sha256).sdist" })
            #expect(Set(tree.layers.map(\.digest)).isSubset(of: kept.layers.map(\.digest)))

            try index.addSource("tinythree", "0.3", builder: "tinytwo")
            try File.write(
                try File.read(folder + "/tinythree-0.3/own/backend.py")
                    + Array("def build_wheel(*more): raise SystemExit('no compiler')\n".utf8),
                to: folder + "/tinythree-0.3/own/backend.py")
            try index.publishSource("tinythree", "0.3", port: Int(server.port))
            let broken = try await depot.lock(["main": Needs(pip: PipNeeds(packages: ["tinythree"]))])
            server.end()
            let told = try await failure { _ = try await depot.build(try #require(broken.environments["main"])) }
            #expect(told.summary == "Python's package tinythree 0.3 has no wheel for this Python, and can't be built")
            #expect(told.cause?.contains("no compiler") == true && told.exitCode == .usage)
            #expect(told.fix?.contains("needs: [gcc, python3-dev]") == true)
        }
    }

    /// Two of the index that this machine's pip has: one of Python alone, one with a module in C.
    @Test func realOnesWork() async throws {
        let depot = Depot(
            lash: RealArchives.lash, sources: try RealArchives.depot(RealArchives.lash).sources,
            architecture: try Architecture.ofThisMachine(),
            pip: .ofMachine(environment: Program("true").environment))
        let tools = ["gcc", "libc6-dev", "python3-dev"]
        let lock: Lock
        do {
            lock = try await depot.lock([
                "main": Needs(pip: PipNeeds(packages: ["crcmod==1.7", "docopt==0.6.2"], tools: tools))
            ])
        } catch let failure as DepotFailure where failure.exitCode == .unreachable {
            try Test.cancel("the index of Python's packages can't be reached from here: \(failure)")
        }
        let environment = try #require(lock.environments["main"])
        #expect(environment.wheels.map(\.title) == ["crcmod 1.7", "docopt 0.6.2"])
        let builders = environment.wheels.map { ($0.builders ?? []).map(\.name) }
        #expect(builders.allSatisfy { $0.contains("setuptools") && $0.contains("wheel") }, "\(builders)")
        let tree = try await depot.build(environment)
        let said = try RealPackagesTests().run(
            """
            export PATH
            python3 -c 'import crcmod.predefined as c, crcmod._crcfunext; print(hex(c.mkCrcFun("crc-32")(b"123456789")))'
            python3 -c 'import docopt; print(docopt.docopt("Usage: x <a>", ["one"]))'
            command -v gcc || echo no gcc
            """, in: tree)
        #expect(said == "0xcbf43926\n{'<a>': 'one'}\nno gcc\n")

        // Built once more: the same bytes.
        let layer = try #require(tree.layers.last)
        func digests(_ layer: Layer) throws -> [String: Digest] {
            var digests: [String: Digest] = [:]
            for entry in layer.entries {
                guard case .file = entry.kind else { continue }
                digests[entry.path.string] = Digest(of: try File.read("\(layer.tree)/\(entry.path)"))
            }
            return digests
        }
        let before = try digests(layer)
        try Folder.remove(File.parent(of: layer.tree))
        let again = try #require(try await depot.build(environment).layers.last)
        #expect(try digests(again) == before && again.entries == layer.entries)
    }
}

enum JSONRoundTrip {
    static func lock(_ lock: Lock) throws -> Lock {
        try withScratch("lock") { folder in
            try lock.write(to: folder + "/metro.lock")
            return try Lock.read(folder + "/metro.lock", update: "")
        }
    }
}
