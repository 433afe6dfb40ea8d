internal import Failures
internal import Files
internal import JSON

/// The user's own kubectl, with the user's own credentials: las has none for a cluster, and asks for no more than kubectl may do.
package struct KubernetesTools: Sendable {
    private let kubectl: Tool
    private let context: String?
    /// nil for the one that the context says.
    private let namespace: String?

    /// - Parameter environment: of the user, with PATH and what kubectl and its helpers look at.
    package init(environment: [String: String], context: String?, namespace: String?) throws(EngineFailure) {
        guard let path = Tool.find("kubectl", on: environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin") else {
            throw EngineFailure(
                "there is no kubectl on this machine",
                fix: "install the one that your cluster's makers name, and see that “kubectl get pods” works",
                .unreachable)
        }
        kubectl = Tool(path, environment: environment)
        (self.context, self.namespace) = (context, namespace)
    }

    private func words(_ words: [String]) -> [String] {
        // With “=”, whatever it begins with is no option.
        (context.map { ["--context=\($0)"] } ?? []) + (namespace.map { ["--namespace=\($0)"] } ?? []) + words
    }

    private func ask(_ words: [String], atMost seconds: Int = 120) throws(EngineFailure) -> Tool.Ended {
        try kubectl.run(self.words(words), atMost: seconds)
    }

    private func failure(_ summary: String, _ ended: Tool.Ended, fix: String?) -> EngineFailure {
        let lines = (ended.errors.isEmpty ? ended.output : ended.errors).split(separator: "\n").suffix(5)
        return EngineFailure(
            summary,
            cause: lines.isEmpty
                ? "kubectl ended with the exit code \(ended.status)"
                : lines.map { Shown.text(String($0), atMost: 300) }.joined(separator: "; "), fix: fix, .unreachable)
    }

    // MARK: Before anything is sent

    /// The namespace that objects go to where nobody says another.
    package func ownNamespace() throws(EngineFailure) -> String {
        if let namespace { return namespace }
        let ended = try ask(["config", "view", "--minify", "--output=jsonpath={..namespace}"], atMost: 30)
        guard ended.status == 0 else {
            throw failure(
                "kubectl knows no cluster", ended,
                fix: "“kubectl config get-contexts” lists those that it knows: --context")
        }
        let name = ended.output.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? "default"
        return name
    }

    /// - Throws: where the cluster does not answer, or does not let this user make Jobs.
    package func check() throws(EngineFailure) {
        let ended = try ask(["auth", "can-i", "create", "jobs.batch"], atMost: 60)
        if ended.status == 0 { return }
        if ended.output.hasPrefix("no") {
            throw EngineFailure(
                "the cluster does not let you make Jobs\(namespace.map { " in the namespace \(Shown.text($0))" } ?? "")",
                fix: "ask who runs it, or name another namespace: --namespace NAME", .unreachable)
        }
        throw failure("the cluster does not answer", ended, fix: "see that “kubectl get pods” works")
    }

    // MARK: Objects

    /// Makes what is not there and changes what is.
    package func apply(_ file: String) throws(EngineFailure) {
        let ended = try ask(["apply", "--filename=\(file)"], atMost: 600)
        if ended.status != 0 {
            throw failure(
                "the cluster did not take the run", ended, fix: "las manifest kubernetes shows what is applied")
        }
    }

    private static func selector(_ run: String) -> String { "--selector=las/run=\(run)" }

    /// What there was of a run goes; what is gone already is fine.
    /// - Parameter everything: also the volume, and with it all that the run has made.
    package func remove(_ run: String, everything: Bool) throws(EngineFailure) {
        // The roles go last: the conductor tidies up with their rights until it is gone.
        let kinds = everything ? ["job", "configmap,rolebinding,role,serviceaccount,persistentvolumeclaim"] : ["job"]
        for kind in kinds {
            let ended = try ask(
                [
                    "delete", kind, Self.selector(run), "--ignore-not-found", "--cascade=foreground",
                    "--wait=\(everything ? "false" : "true")",
                ], atMost: 300)
            if ended.status != 0 {
                throw failure(
                    "the cluster did not remove what there was of the run", ended,
                    fix: "kubectl delete job,configmap,rolebinding,role,serviceaccount,pvc -l las/run=\(run)")
            }
        }
    }

    private func list(_ kind: String, _ words: [String]) -> [JSONValue]? {
        guard let ended = try? ask(["get", kind, "--output=json"] + words, atMost: 120), ended.status == 0 else {
            return nil
        }
        return (try? JSONText.parse(Array(ended.output.utf8)))?["items"]?.array
    }

    /// How the run's conductor stands.
    package enum Conductor: Hashable, Sendable {
        /// Its pod's name.
        case running(String)
        case waiting
        /// What its last pod was called, where it is there still.
        case ended(String?)
        case missing
    }

    /// - Returns: nil where the cluster does not answer.
    package func conductor(of run: String) -> Conductor? {
        let mine = "--selector=las/run=\(run),las/role=conductor"
        guard let jobs = list("job", [mine]), let pods = list("pod", [mine]) else { return nil }
        guard let job = jobs.first else { return .missing }
        let isEnded = job["status"]?["conditions"]?.array?.contains {
            ["Complete", "Failed"].contains($0["type"]?.string) && $0["status"]?.string == "True"
        }
        let living = pods.filter { $0["metadata"]?["deletionTimestamp"]?.string == nil }
        if isEnded ?? false { return .ended(living.last?["metadata"]?["name"]?.string) }
        let running = living.first { pod in
            let containers = pod["status"]?["containerStatuses"]?.array ?? []
            return pod["status"]?["phase"]?.string == "Running"
                && containers.contains { $0["state"]?["running"] != nil }
        }
        return running?["metadata"]?["name"]?.string.map(Conductor.running) ?? .waiting
    }

    /// Why pods of the run wait that could start: an image that can't be had, a secret that is missing, no node with room; and
    /// what those of the conductor ended with that failed.
    package func troubles(of run: String) -> [String] {
        var troubles: Set<String> = []
        for pod in list("pod", [Self.selector(run), "--field-selector=status.phase=Pending"]) ?? [] {
            let name = Shown.text(pod["metadata"]?["labels"]?["las/station"]?.string ?? "the conductor")
            func note(_ reason: String?, _ message: String?) {
                guard let reason, !["ContainerCreating", "PodInitializing"].contains(reason) else { return }
                let text = message.map { ": " + Shown.text($0, atMost: 300) } ?? ""
                troubles.insert("a pod of \(name) waits: \(Shown.text(reason, atMost: 80))\(text)")
            }
            for container in pod["status"]?["containerStatuses"]?.array ?? [] {
                let waiting = container["state"]?["waiting"]
                note(waiting?["reason"]?.string, waiting?["message"]?.string)
            }
            for condition in pod["status"]?["conditions"]?.array ?? []
            where condition["type"]?.string == "PodScheduled" && condition["status"]?.string == "False" {
                note(condition["reason"]?.string, condition["message"]?.string)
            }
        }
        let failed = [Self.selector(run) + ",las/role=conductor", "--field-selector=status.phase=Failed"]
        for pod in list("pod", failed) ?? [] {
            // What it tells of the run is told elsewhere.
            guard let name = pod["metadata"]?["name"]?.string, let line = logs(of: name)?.split(separator: "\n").last,
                !line.hasPrefix("{")
            else { continue }
            troubles.insert(
                "a pod of the conductor failed, and is started again: \(Shown.text(String(line), atMost: 300))")
        }
        return troubles.sorted()
    }

    // MARK: Pods

    /// A program of the pod's image, spoken with.
    package func stream(_ pod: String, _ command: [String]) throws(EngineFailure) -> ToolStream {
        try ToolStream(kubectl, words(["exec", "--stdin", pod, "--"] + command))
    }

    package func run(in pod: String, _ command: [String]) throws(EngineFailure) -> Tool.Ended {
        try ask(["exec", pod, "--"] + command, atMost: 120)
    }

    /// The end of what a pod has printed.
    package func logs(of pod: String) -> String? {
        guard let ended = try? ask(["logs", pod, "--tail=20"], atMost: 60), ended.status == 0 else { return nil }
        return ended.output
    }
}
