internal import Failures
package import Parts

/// What Slurm is asked on the host that jobs are submitted from: nodes for a run, and what the run needs on them.
extension HostSession {
    /// How a job stands that keeps nodes.
    package enum NodesState: Hashable, Sendable {
        /// In Slurm's words, why.
        case waiting(String)
        case kept(SlurmAllocation)
        case gone(String)
    }

    /// Submits a job that keeps nodes. It ends when it is told to, or when the runtime was on none of its nodes for ten minutes.
    package func submit(_ request: SlurmRequest) throws -> Int {
        let words = (["--nodes=\(request.count)"] + request.arguments).map(HostText.quoted).joined(separator: " ")
        let lines = try script(
            """
            command -v sbatch > /dev/null || { echo 'there is no sbatch on this machine' >&2; return 1; }
            job=$(sbatch --parsable --job-name=las-nodes --ntasks-per-node=1 --exclusive --mem=0 --no-requeue \\
                --chdir=/ --output=/dev/null \(words) << 'LAS_END'
            #!/bin/sh
            # Keeps nodes for a run of las: while its runtime is on one of them, and ten minutes longer.
            idle=0
            while [ "$idle" -lt 20 ]; do
                sleep 30
                if squeue --noheader --steps --jobs="$SLURM_JOB_ID" --format=%i | grep -q '[.][0-9]'; then idle=0; else idle=$((idle + 1)); fi
            done
            srun --overlap --ntasks-per-node=1 --chdir=/ rm -rf "\(Self.lash(request, "$SLURM_JOB_ID"))"
            LAS_END
            ) || return 1
            say "job ${job%%;*}"
            """, because: "Slurm does not give nodes")
        guard let job = lines.last?.split(separator: " ").last.flatMap({ Int($0) }) else {
            throw HostFailure(.unfitHost, "sbatch told of no job")
        }
        return job
    }

    /// - Parameter job: in the shell's words.
    private static func lash(_ request: SlurmRequest, _ job: String) -> String { "\(request.folder)/las-\(job)" }

    package func nodes(of job: Int, _ request: SlurmRequest) throws -> NodesState {
        // Whole nodes have all of theirs, which may be more than were asked for.
        let hasGPUs = request.arguments.contains { $0.hasPrefix("--gres=gpu:") }
        let gpus = """
            scontrol --details show job \(job) | sed -n 's/^ *Nodes=\\([^ ]*\\) .*GRES=\\([^ ]*\\).*$/\\1 \\2/p' |
            while read -r list gres; do for node in $(scontrol show hostnames "$list"); do say "gres $node $gres"; done; done
            """
        let lines = try script(
            """
            state=$(squeue --noheader --states=all --jobs=\(job) --format='%T|%r|%N') || state=GONE
            say "state $state"
            case $state in
            RUNNING*) for node in $(scontrol show hostnames "${state##*|}"); do say "node $node"; done
            \(hasGPUs ? gpus : "") ;;
            esac
            """, because: "Slurm does not say how the job \(job) stands")
        let fields = (lines.first ?? "").dropFirst("state ".count).split(
            separator: "|", omittingEmptySubsequences: false
        ).map { Shown.text(String($0), atMost: 200) }
        switch fields.first {
        case "RUNNING":
            let names = lines.filter { $0.hasPrefix("node ") }.map { String($0.dropFirst("node ".count)) }
            var gpus: [String: Int] = [:]
            for line in lines where line.hasPrefix("gres ") {
                let words = line.split(separator: " ")
                if words.count == 3 { gpus[String(words[1])] = SlurmNode.gpus(words[2]) }
            }
            return .kept(
                SlurmAllocation(
                    job: job, nodes: names, lash: Self.lash(request, "\(job)"), gpus: gpus.isEmpty ? nil : gpus))
        case "PENDING", "CONFIGURING", "REQUEUED", "SUSPENDED":
            return .waiting(fields.count > 1 ? fields[1] : fields[0])
        default: return .gone(fields.first ?? "")
        }
    }

    /// Brings the runtime and parts to all of the nodes at once, from what lies on this host.
    ///
    /// - Parameters:
    ///   - parts: which are in this host's LASH.
    ///   - places: where they lie on this machine, where it is the host itself; else they lie in the host's LASH.
    /// - Throws: where Slurm does not broadcast: each node can be sent its own then.
    package func broadcast(
        _ parts: [Part], places: [Part: (file: String, extents: String)]?, to allocation: SlurmAllocation,
        _ runtime: HostRuntime
    ) throws {
        let (job, count) = (allocation.job, allocation.nodes.count)
        let (lash, digest) = (HostText.quoted(allocation.lash), runtime.digest.hex)
        var lines: [String] = [
            "l=\(Bootstrap.folder(host.lash))", "d=\(lash)",
            "\(SlurmSteps.srun(job, on: count)) mkdir -p -m 700 \"$d\" \"$d/runtimes\" \"$d/incoming\" || return 1",
        ]
        func cast(_ source: String, _ target: String) {
            lines.append("sbcast --jobid=\(job) --force --preserve \(source) \"$d/\(target)\" || return 1")
        }
        cast(
            places == nil ? "\"$l/runtimes/\(digest)\"" : HostText.quoted(runtime.path), "runtimes/\(digest)")
        for part in parts {
            let hex = part.digest.hex
            let place = places?[part]
            cast(place.map { HostText.quoted($0.file) } ?? "\"$l/parts/\(hex)\"", "incoming/cast-\(hex)")
            cast(
                place.map { HostText.quoted($0.extents) } ?? "\"$l/parts/\(hex).extents\"",
                "incoming/cast-\(hex).extents")
        }
        let words = parts.map { "\($0.kind.rawValue) \(HostText.quoted($0.name)) \($0.size) \($0.digest.hex)" }
        let taking = "\"$d/runtimes/\(digest)\" take --lash \"$d\" \(words.joined(separator: " "))"
        lines.append("\(SlurmSteps.srun(job, on: count)) \(taking) || return 1")
        _ = try script(lines.joined(separator: "\n"), because: "Slurm does not broadcast", atMost: 3600)
    }

    /// Gives the nodes back, with nothing left on their disks.
    package func release(_ allocation: SlurmAllocation) throws {
        let count = allocation.nodes.count
        let clearing =
            count == 0
            ? "" : "\(SlurmSteps.srun(allocation.job, on: count)) rm -rf \(HostText.quoted(allocation.lash))\n"
        _ = try script(
            """
            \(clearing)scancel \(allocation.job)
            """, because: "Slurm does not take its nodes back")
    }

    /// Runs a script of Slurm's commands.
    /// - Returns: the lines that it said by `say`.
    private func script(_ text: String, because summary: String, atMost seconds: Double = 120) throws -> [String] {
        let word = "las-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        guard let shell = transport else { throw HostFailure(.cut, "this session has ended") }
        let channel = try shell.start("exec sh")
        try channel.write(
            Array("\(SlurmSteps.path)\nsay() { echo \"\(word) $*\"; }\nlas() {\n\(text)\n}\nlas; exit\n".utf8))
        try channel.finishWriting()
        var output: [UInt8] = []
        try waiter.within(seconds, summary) { () throws(HostFailure) in
            while let bytes = try channel.read(waiting: true), !bytes.isEmpty, output.count < 4 << 20 {
                output += bytes
            }
        }
        let status = channel.close()
        guard status == 0 else {
            if let failure = shell.failure(status: status, errors: channel.errors.text) { throw failure }
            throw HostFailure(
                .unfitHost, summary, cause: channel.errors.text,
                fix: "sinfo shows what this cluster has; --partition, --account and --qos say what it asks for")
        }
        return String(decoding: output, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix(word + " ") }
            .map { String($0.dropFirst(word.count + 1)) }
    }
}
