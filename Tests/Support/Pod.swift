internal import Files

/// Pods as a kubelet would start them, by runc: with the image, the arguments and the environment, the user, the capabilities,
/// the system calls and the volumes that a manifest says, and nothing beyond. And what of a cluster's server has to do with Jobs.
package struct Pods: Sendable {
    private let folder: String
    private let manifest: String
    /// The volume “work”.
    package let work: String

    /// Why pods can't be started here; nil where they can.
    package static var missing: String? {
        for program in ["runc", "umoci", "python3", "openssl"] where Program.find(program) == nil { return program }
        return File.exists(seccomp) ? nil : seccomp
    }

    /// What container engines let a container call where nobody says otherwise.
    private static let seccomp = "/usr/share/containers/seccomp.json"

    /// - Parameters:
    ///   - layout: a folder in OCI's layout, the image of the manifest.
    ///   - manifest: a file.
    ///   - folder: a new one.
    package init(_ layout: String, manifest: String, in folder: String) throws {
        (self.folder, self.manifest, work) = (folder, manifest, folder + "/work")
        let unpacked = try Program("umoci").run("unpack", "--image", layout + ":latest", folder)
        guard unpacked.status == 0 else { throw TestSupportError(unpacked.errors) }
        try Folder.make(work)
        _ = try Program("chmod").run("2777", work)
        try File.write(Self.kubelet, to: folder + "/kubelet.py")
    }

    /// The folder that is the pods' `/tmp`.
    package func temporary(of job: String, index: Int = 0) -> String { "\(folder)/pods/\(job)-\(index)/tmp" }

    /// Runs one pod of a Job to its end.
    package func run(_ job: String, index: Int = 0) throws -> Program.Ended {
        try Program("python3", folder: folder).run("kubelet.py", manifest, Self.seccomp, "pod", job, "\(index)")
    }

    /// Applies the manifest, and waits until the Job of this name has ended, two pods at a time.
    ///
    /// - Parameter stop: Jobs of which the first pod is killed once.
    /// - Returns: what that Job's pod printed; its status is 0 where the Job is complete.
    package func apply(until job: String, stop: [String] = []) throws -> Program.Ended {
        try Program("python3", folder: folder).run(
            "kubelet.py", manifest, Self.seccomp, "cluster", job, stop.joined(separator: ","))
    }

    /// What the cluster's server was asked, one line each: `GET words-count 200`.
    package func requests() throws -> [String] {
        String(decoding: try File.read(folder + "/requests"), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private static let kubelet = #"""
        import base64, http.server, json, os, re, ssl, subprocess, sys, threading, time, yaml
        manifest, profile, mode, name, last = sys.argv[1:]
        documents = [d for d in yaml.safe_load_all(open(manifest)) if d]
        jobs = {d["metadata"]["name"]: d for d in documents if d["kind"] == "Job"}
        here = os.getcwd()
        image = json.load(open("config.json"))

        def seccomp():
            default, rules = json.load(open(profile)), []
            for rule in default["syscalls"]:
                includes, excludes = rule.get("includes", {}), rule.get("excludes", {})
                if includes.get("caps") or "amd64" not in includes.get("arches", ["amd64"]): continue
                if "amd64" in excludes.get("arches", []): continue
                new = {"names": rule["names"], "action": rule["action"]}
                if rule.get("args"): new["args"] = [{k: a[k] for k in ("index", "value", "valueTwo", "op")} for a in rule["args"]]
                if rule.get("errnoRet") is not None: new["errnoRet"] = rule["errnoRet"]
                rules.append(new)
            return {"defaultAction": default["defaultAction"], "syscalls": rules,
                "defaultErrnoRet": default.get("defaultErrnoRet", 1),
                "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]}

        def start(job, index, attempt=0):
            """A pod of the job: runc's process."""
            spec = jobs[job]["spec"]
            pod = spec["template"]["spec"]
            container, security = pod["containers"][0], pod["securityContext"]
            own = container["securityContext"]
            assert security["runAsNonRoot"] and security["runAsUser"] > 0 and security["seccompProfile"] == {"type": "RuntimeDefault"}
            assert own["capabilities"] == {"drop": ["ALL"]} and own["allowPrivilegeEscalation"] is False and pod["restartPolicy"] == "Never"
            place = f"{here}/pods/{job}-{index}"
            config = json.loads(json.dumps(image))
            process = config["process"]
            variables = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}
            if spec.get("completionMode") == "Indexed": variables["JOB_COMPLETION_INDEX"] = str(index)
            def expanded(text):
                return re.sub(r"\$\$|\$\((\w+)\)", lambda m: "$" if m[0] == "$$" else variables.get(m[1], m[0]), text)
            process.update(terminal=False, noNewPrivileges=True, rlimits=[],
                args=container.get("command", ["/.las/las-runtime"]) + [expanded(a) for a in container["args"]],
                env=[e for e in process["env"] if not e.startswith("HOME=")] + [f"{k}={v}" for k, v in variables.items()],
                user={"uid": security["runAsUser"], "gid": security["runAsGroup"], "additionalGids": [security["fsGroup"]]},
                capabilities={k: [] for k in ("bounding", "effective", "inheritable", "permitted", "ambient")})
            config["root"] = {"path": here + "/rootfs", "readonly": own["readOnlyRootFilesystem"]}
            def mount(source, target, writable):
                config["mounts"].append({"destination": target, "source": source, "type": "bind",
                                         "options": ["rbind", "rw" if writable else "ro"]})
            volumes = {v["name"]: v for v in pod["volumes"]}
            for wanted in container["volumeMounts"]:
                volume, source = volumes[wanted["name"]], f"{place}/{wanted['name']}"
                os.makedirs(source, exist_ok=True)
                if "persistentVolumeClaim" in volume: source = here + "/work"
                elif "projected" in volume:
                    for part in volume["projected"]["sources"]:
                        found = [d for d in documents if d["kind"] == "ConfigMap" and d["metadata"]["name"] == part["configMap"]["name"]][0]
                        data = {k: v.encode() for k, v in found.get("data", {}).items()}
                        data |= {k: base64.b64decode(v) for k, v in found.get("binaryData", {}).items()}
                        for item in part["configMap"]["items"]:
                            file = f"{source}/{item['path']}"
                            os.makedirs(os.path.dirname(file), exist_ok=True)
                            open(file, "wb").write(data[item["key"]])
                else:
                    assert volume["emptyDir"] == {}
                    os.chmod(source, 0o777)
                if "subPath" in wanted: source += "/" + wanted["subPath"]
                mount(source, wanted["mountPath"], not wanted.get("readOnly"))
            if pod["automountServiceAccountToken"]:
                mount(here + "/account", "/var/run/secrets/kubernetes.io/serviceaccount", False)
                config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "network"]
            config["linux"]["seccomp"] = seccomp()
            os.makedirs(place, exist_ok=True)
            json.dump(config, open(place + "/config.json", "w"))
            return subprocess.Popen(["runc", "--root", here + "/runc", "run", "--bundle", place,
                f"las-{os.getpid()}-{job}-{index}-{attempt}"], stdin=subprocess.DEVNULL,
                stdout=open(f"{place}/out", "a"), stderr=open(f"{place}/err", "a"))

        def show(job, index):
            sys.stdout.write(open(f"pods/{job}-{index}/out").read())
            sys.stderr.write(open(f"pods/{job}-{index}/err").read())

        port = 0
        if mode == "pod":
            for kind in ("out", "err"):
                try: os.remove(f"pods/{name}-{last}/{kind}")
                except FileNotFoundError: pass
            status = start(name, int(last), time.time_ns()).wait()
            show(name, int(last))
            sys.exit(status)

        # What Kubernetes says of Jobs, as far as las asks it.
        allowed = [r for d in documents if d["kind"] == "Role" for r in d["rules"]]
        verbs = {"GET": "get", "PATCH": "patch", "DELETE": "delete"}
        lock, log = threading.Lock(), open("requests", "w")

        def change(job, patch):
            new, old = patch["spec"], job["spec"]
            assert set(new) <= {"completions", "parallelism", "suspend"}
            merged = dict(old, **new)
            if merged["completions"] != old["completions"] and merged["completions"] != merged["parallelism"]:
                return 422, "spec.completions: can only be modified in tandem with spec.parallelism"
            job["spec"] = merged
            return 200, None

        class Server(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                job = self.path.rsplit("/", 1)[1]
                status, message, value = 200, None, None
                with lock:
                    rights = [r for r in allowed if verbs[self.command] in r["verbs"] and job in r["resourceNames"]]
                    if self.headers["Authorization"] != "Bearer the-token": status, message = 401, "Unauthorized"
                    elif not rights or not self.path.startswith("/apis/batch/v1/namespaces/default/jobs/"): status, message = 403, "forbidden"
                    elif job not in jobs: status, message = 404, "not found"
                    elif body and self.headers["Content-Type"] != {"PATCH": "application/merge-patch+json"}.get(self.command, "application/json"):
                        status, message = 415, "the body of the request was in an unknown format"
                    elif self.command == "PATCH":
                        status, message = change(jobs[job], json.loads(body))
                    value = {"message": message} if message else jobs[job]
                    if self.command == "DELETE" and status == 200: del jobs[job]
                    log.write(f"{self.command} {job} {status}\n"); log.flush()
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            do_GET = do_PATCH = do_DELETE = answer
            def log_message(self, *words): pass

        def openssl(*words): subprocess.run(["openssl", *words], check=True, capture_output=True)
        os.makedirs("account")
        open("ext", "w").write("subjectAltName=IP:127.0.0.1\n")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "account/ca.crt", "-subj", "/CN=ca", "-days", "2")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "csr", "-subj", "/CN=kubernetes")
        openssl("x509", "-req", "-in", "csr", "-CA", "account/ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "crt", "-days", "2", "-extfile", "ext")
        open("account/token", "w").write("the-token")
        open("account/namespace", "w").write("default")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("crt", "key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()

        # What the controller of Jobs does: pods for what is not held, at most two at a time besides the conductor.
        running, done, failed, tries, stop = {}, {}, {}, {}, [s for s in last.split(",") if s]
        ended = None
        while ended is None:
            time.sleep(0.05)
            with lock:
                for (job, index), process in list(running.items()):
                    if job in stop and time.time() - process.began > 0.3 and process.is_running():
                        stop.remove(job)
                        process.was_killed = True
                        process.kill_pod()
                    status = process.poll()
                    if status is None: continue
                    del running[job, index]
                    # A pod that is lost is no failure of its own: the next one takes its place.
                    if process.was_killed and status != 0: continue
                    if status == 0: done.setdefault(job, set()).add(index)
                    elif status in (1, 2, 5) or tries[job, index] > 3: failed.setdefault(job, set()).add(index)
                    if job not in jobs: continue
                    spec = jobs[job]["spec"]
                    count = len(done.get(job, ())) + len(failed.get(job, ()))
                    if count == spec.get("completions", 1):
                        kind = "Failed" if failed.get(job) else "Complete"
                        jobs[job]["status"] = {"conditions": [{"type": kind, "status": "True"}]}
                        if job == name: ended = kind
                for job, value in jobs.items():
                    spec = value["spec"]
                    if spec.get("suspend"): continue
                    for index in range(spec.get("completions", 1)):
                        mine = [r for r in running if r[0] == job]
                        if job != name and (len([r for r in running if r[0] != name]) >= 2 or len(mine) >= spec["parallelism"]): break
                        if (job, index) in running or index in done.get(job, ()) or index in failed.get(job, ()): continue
                        tries[job, index] = tries.get((job, index), 0) + 1
                        process = start(job, index, tries[job, index])
                        process.began, process.was_killed = time.time(), False
                        def runc(command, *words, pod=f"las-{os.getpid()}-{job}-{index}-{tries[job, index]}"):
                            return subprocess.run(["runc", "--root", here + "/runc", command, pod, *words], capture_output=True).stdout
                        process.kill_pod = lambda runc=runc: runc("kill", "KILL")
                        process.is_running = lambda runc=runc: b'"status": "running"' in runc("state")
                        running[job, index] = process
        show(name, 0)
        for job in sorted(failed):
            for index in sorted(failed[job]):
                if job != name: show(job, index)
        sys.exit(0 if ended == "Complete" else 1)
        """#
}
