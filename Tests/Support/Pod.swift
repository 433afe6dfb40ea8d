internal import Files

/// A pod of a Job as a kubelet would start it, by runc: with the image, the arguments and the environment, the user, the
/// capabilities, the system calls and the volumes that the manifest says, and nothing beyond.
package struct Pod: Sendable {
    private let folder: String
    private let manifest: String
    private let name: String

    /// Why pods can't be started here; nil where they can.
    package static var missing: String? {
        for program in ["runc", "umoci", "python3"] where Program.find(program) == nil { return program }
        return File.exists(seccomp) ? nil : seccomp
    }

    /// What container engines let a container call where nobody says otherwise.
    private static let seccomp = "/usr/share/containers/seccomp.json"

    /// - Parameters:
    ///   - layout: a folder in OCI's layout, the image of the manifest.
    ///   - folder: a new one for the pod.
    ///   - job: the name of the Job in the manifest.
    package init(_ layout: String, manifest: String, job: String, in folder: String) throws {
        (self.folder, self.manifest, name) = (folder, manifest, job)
        let unpacked = try Program("umoci").run("unpack", "--image", layout + ":latest", folder)
        guard unpacked.status == 0 else { throw TestSupportError(unpacked.errors) }
        for volume in ["here", "tmp"] {
            try Folder.make("\(folder)/\(volume)")
            _ = try Program("chmod").run("777", "\(folder)/\(volume)")
        }
    }

    /// Runs it to its end.
    /// - Parameters:
    ///   - work: the volume “work”; everyone may write to it.
    ///   - index: of an indexed Job.
    package func run(work: String, index: Int = 0) throws -> Program.Ended {
        let written = try Program("python3").run(
            "-c", Self.kubelet, manifest, name, folder, work, "\(index)", Self.seccomp)
        guard written.status == 0 else { throw TestSupportError(written.errors) }
        return try Program("runc", folder: folder).run(
            "--root", folder + "/runc", "run", "las-pod-\(UInt64.random(in: 0 ... .max))")
    }

    private static let kubelet = #"""
        import json, sys, yaml
        manifest, name, folder, work, index, profile = sys.argv[1:]
        jobs = [d for d in yaml.safe_load_all(open(manifest)) if d["kind"] == "Job" and d["metadata"]["name"] == name]
        pod = jobs[0]["spec"]["template"]["spec"]
        container, security = pod["containers"][0], pod["securityContext"]
        own = container["securityContext"]
        assert security["runAsNonRoot"] and security["runAsUser"] > 0 and security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["capabilities"] == {"drop": ["ALL"]} and own["allowPrivilegeEscalation"] is False

        config = json.load(open(folder + "/config.json"))
        process = config["process"]
        process["terminal"] = False
        process["args"] = ["/.las/las-runtime"] + container["args"]
        variables = {e["name"]: e.get("value", "") for e in container.get("env", [])}
        if jobs[0]["spec"].get("completionMode") == "Indexed": variables["JOB_COMPLETION_INDEX"] = index
        for key, value in variables.items():
            process["args"] = [a.replace("$(%s)" % key, value) for a in process["args"]]
        process["env"] = [e for e in process["env"] if not e.startswith("HOME=")] + [f"{k}={v}" for k, v in variables.items()]
        group = security["fsGroup"]
        process["user"] = {"uid": security["runAsUser"], "gid": security["runAsGroup"], "additionalGids": [group]}
        process["capabilities"] = {k: [] for k in ("bounding", "effective", "inheritable", "permitted", "ambient")}
        process["noNewPrivileges"] = True
        process["rlimits"] = []
        config["root"]["readonly"] = own["readOnlyRootFilesystem"]
        places = {v["name"]: v for v in pod["volumes"]}
        for mount in container["volumeMounts"]:
            volume = places[mount["name"]]
            source = work if "persistentVolumeClaim" in volume else folder + "/" + mount["name"]
            config["mounts"].append({"destination": mount["mountPath"], "source": source, "type": "bind",
                                     "options": ["rbind", "ro" if mount.get("readOnly") else "rw"]})
        default = json.load(open(profile))
        rules = []
        for rule in default["syscalls"]:
            includes, excludes = rule.get("includes", {}), rule.get("excludes", {})
            if includes.get("caps") or "amd64" not in includes.get("arches", ["amd64"]): continue
            if "amd64" in excludes.get("arches", []): continue
            new = {"names": rule["names"], "action": rule["action"]}
            if rule.get("args"): new["args"] = [{k: a[k] for k in ("index", "value", "valueTwo", "op")} for a in rule["args"]]
            if rule.get("errnoRet") is not None: new["errnoRet"] = rule["errnoRet"]
            rules.append(new)
        config["linux"]["seccomp"] = {"defaultAction": default["defaultAction"], "syscalls": rules,
            "defaultErrnoRet": default.get("defaultErrnoRet", 1),
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]}
        json.dump(config, open(folder + "/config.json", "w"))
        """#
}
