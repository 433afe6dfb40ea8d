internal import Digests
internal import Failures
internal import Files
internal import JSON
internal import Layers
internal import Metro

/// Python's packages that have no wheel: their source distributions are built in the sandbox.
///
/// What a build needs of Python's index (its `pyproject.toml` and its build backend say so, PEP 517 and 518) is chosen by pip
/// when the lock is made, with the network; the build itself has only those wheels, and none.
extension Depot {
    /// Unpacks `sys.argv[1]` into the folder `source`; with a second argument it also writes a report there of what is
    /// needed for building.
    private static let script = """
        import json, os, subprocess, sys, tarfile, zipfile
        try:
            import tomllib
        except ImportError:
            from pip._vendor import tomli as tomllib

        os.mkdir("unpacked")
        archive = sys.argv[1]
        if zipfile.is_zipfile(archive):
            zipfile.ZipFile(archive).extractall("unpacked")
        else:
            tarfile.open(archive).extractall("unpacked")
        names = os.listdir("unpacked")
        os.rename("unpacked/" + names[0] if len(names) == 1 else "unpacked", "source")
        if len(sys.argv) == 2:
            sys.exit()
        report = sys.argv[2]
        system = {}
        if os.path.exists("source/pyproject.toml"):
            with open("source/pyproject.toml", "rb") as file:
                system = tomllib.load(file).get("build-system", {})
        needed = system.get("requires", ["setuptools>=40.8.0", "wheel"])
        def install(needed):
            if needed:
                options = ["--only-binary", ":all:", "--ignore-installed", "--upgrade", "--target", "builders", "--report", report]
                subprocess.run([sys.executable, "-m", "pip", "install", "-q"] + sys.argv[3:] + options + needed, check=True)
        install(needed)
        hook = '''
        import importlib, json, sys
        name, target = sys.argv[1:]
        module, _, rest = name.partition(":")
        backend = importlib.import_module(module)
        for part in filter(None, rest.split(".")):
            backend = getattr(backend, part)
        asked = getattr(backend, "get_requires_for_build_wheel", lambda settings: [])
        more = asked({})
        with open(target, "w") as file:
            json.dump(more, file)
        '''
        here = os.getcwd()
        paths = [os.path.join(here, "source", path) for path in system.get("backend-path", [])] + [os.path.join(here, "builders")]
        variables = dict(os.environ, PYTHONPATH=os.pathsep.join(paths))
        variables["PATH"] = os.path.join(here, "builders", "bin") + os.pathsep + variables["PATH"]
        backend = system.get("build-backend", "setuptools.build_meta:__legacy__")
        more = os.path.join(here, "more.json")
        subprocess.run([sys.executable, "-c", hook, backend, more], cwd="source", env=variables, check=True)
        with open(more) as file:
            more = json.load(file)
        if more:
            install(needed + more)
        if not os.path.exists(report):
            with open(report, "w") as file:
                json.dump({"install": []}, file)

        """

    static let pipVariables = ["PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_ROOT_USER_ACTION": "ignore"]

    /// The same, each source distribution among them with the wheels that it is built with.
    func withBuilders(_ wheels: [LockedWheel], in root: BuildRoot) throws -> [LockedWheel] {
        try wheels.map { wheel in
            guard wheel.builders != nil else { return wheel }
            try fetch([wheel])
            return try Folder.withTemporary(in: lash.temporary, named: "pip") { folder in
                let (work, name) = try place(wheel, in: folder)
                let outcome = try root.run(
                    pipWork(
                        "exec python3 script.py \(name) \(BuildRoot.work)/report.json \(Self.options)", work, folder,
                        usesNetwork: true))
                guard outcome.end.isSuccess else { throw unbuilt(wheel, outcome) }
                return wheel.with(
                    builders: try self.wheels(inReport: try File.read(work + "/report.json", atMost: 1 << 28)))
            }
        }
    }

    /// Builds a source distribution without a network.
    ///
    /// - Parameter folder: exists; the wheel is put into it.
    /// - Returns: the wheel's name there.
    func build(_ wheel: LockedWheel, in root: BuildRoot, into folder: String) throws -> String {
        observer(.progress(DepotProgress(.building, done: 0, total: 0, what: Shown.text(wheel.title))))
        return try Folder.withTemporary(in: lash.temporary, named: "pip") { own in
            let (work, name) = try place(wheel, in: own)
            try Folder.make(work + "/wheels")
            var lines = ""
            for builder in wheel.builders ?? [] {
                guard let name = builder.file else { continue }
                try File.copy("\(lash.root)/\(builder.kept)", to: "\(work)/wheels/\(name)", mode: 0o644)
                lines += "\(builder.name)==\(builder.version) --hash=sha256:\(builder.sha256)\n"
            }
            try File.create(work + "/requirements.txt", lines)
            let pip = "python3 -m pip"
            let install =
                "\(pip) install -q \(Self.options) --no-index --find-links wheels --no-deps --require-hashes --no-compile --ignore-installed --target builders -r requirements.txt"
            let outcome = try root.run(
                pipWork(
                    """
                    python3 script.py \(name)
                    \(lines.isEmpty ? "" : install)
                    export PYTHONPATH=\(BuildRoot.work)/builders PATH=\(BuildRoot.work)/builders/bin:$PATH
                    exec \(pip) wheel -q \(Self.options) --no-index --no-deps --no-build-isolation --wheel-dir made ./source
                    """, work, own, usesNetwork: false))
            let made = (try? Folder.names(in: work + "/made")) ?? []
            guard outcome.end.isSuccess, made.count == 1, let name = made.first, name.hasSuffix(".whl") else {
                throw unbuilt(wheel, outcome)
            }
            try File.copy("\(work)/made/\(name)", to: "\(folder)/\(name)", mode: 0o644)
            return name
        }
    }

    /// The folder that a source distribution is worked on in, and its name there.
    private func place(_ wheel: LockedWheel, in folder: String) throws -> (folder: String, name: String) {
        let work = folder + "/work"
        for name in ["work", "local"] { try Folder.make("\(folder)/\(name)") }
        let name = wheel.file ?? "source.tar.gz"
        try File.copy("\(lash.root)/\(wheel.kept)", to: "\(work)/\(name)", mode: 0o644)
        try File.create(work + "/script.py", Self.script)
        return (work, name)
    }

    /// - Parameter folder: has another, `local`.
    func pipWork(_ commands: String, _ work: String, _ folder: String, usesNetwork: Bool) -> BuildRoot.Work {
        let certificates = usesNetwork ? pip.certificates : nil
        return BuildRoot.Work(
            commands: commands, folder: work, local: folder + "/local",
            variables: usesNetwork
                ? pip.variables(certificates: certificates.map { _ in "/run/las/certificates.pem" })
                    .merging(Self.pipVariables) { $1 } : Self.pipVariables,
            files: certificates.map { ["/run/las/certificates.pem": $0] } ?? [:], usesNetwork: usesNetwork)
    }

    private func unbuilt(_ wheel: LockedWheel, _ outcome: BuildRoot.Outcome) -> DepotFailure {
        let log = lash.temporary + "/build.log"
        try? File.create(log, Array(pip.withoutSecrets(String(decoding: outcome.log, as: UTF8.self)).utf8))
        return DepotFailure(
            "Python's package \(Shown.whole(wheel.title)) has no wheel for this Python, and can't be built",
            cause: outcome.lastWords.map(pip.withoutSecrets), fix: Self.needsAdvice + "; the whole log is \(log)",
            .usage)
    }

    static let needsAdvice =
        "name the Debian packages that building takes: “pip: { packages: [NAME], needs: [gcc, python3-dev] }”; or take another version, or Debian's own package, python3-NAME"
}
