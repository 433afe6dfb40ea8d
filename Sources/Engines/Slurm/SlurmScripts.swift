internal import Failures
internal import Plan

/// The texts of a submission.
struct SlurmScripts {
    private let plan: Plan
    private let options: SlurmOptions
    private let places: SlurmSubmission.Places
    private let steps: [StationSteps]
    private let keys: [String]
    private let numbers: [StationID: Int]

    init(
        _ plan: Plan, _ options: SlurmOptions, _ places: SlurmSubmission.Places, steps: [StationSteps], keys: [String]
    ) {
        (self.plan, self.options, self.places, self.steps, self.keys) = (plan, options, places, steps, keys)
        numbers = Dictionary(
            steps.enumerated().map { ($1.station, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// How often a step is started anew, elsewhere, after trouble that is not the station's.
    private static let requeues = 2

    /// Where the run is: the lines that a person may change.
    var head: String {
        """
        #!/bin/sh
        # Runs the metro “\(SlurmText.comment(plan.metro))” by Slurm. Written by las; start it with sh where sbatch is.
        set -eu
        # Both must be at the same place on every node: \(places.isBundle ? "the bundle" : "las-runtime"), and a folder for the run.
        las=${LAS_PROGRAM:-\(SlurmText.quoted(places.program))}
        work=${LAS_WORK:-\(SlurmText.quoted(places.work))}
        case $las in /*) ;; *) las=$PWD/$las ;; esac
        case $work in /*) ;; *) work=$PWD/$work ;; esac

        """
    }

    // MARK: A station's job

    func job(_ number: Int) -> String {
        let step = steps[number]
        var lines = ["--job-name=\(options.prefix)-\(SlurmText.name(step.station.name))", "--nodes=1", "--ntasks=1"]
        lines.append("--cpus-per-task=\(max(1, step.uses.cpus))")
        // A little more than the command may use: the runtime is there too, and says itself when that was too little.
        if let memory = step.uses.memory { lines.append("--mem=\((max(0, memory) + (1 << 20) - 1) >> 20 + 128)M") }
        if step.uses.gpus > 0 { lines.append("--gres=gpu:\(step.uses.gpus)") }
        if let minutes = Self.minutes(step, options) { lines.append("--time=\(minutes)") }
        lines += common + ["--requeue", "--open-mode=append"]
        return """
            #!/bin/sh
            # One item of the station “\(SlurmText.comment(step.station.name))”. sbatch gets: the program, the run's folder, the first item's number.
            \(lines.map { "#SBATCH \($0)" }.joined(separator: "\n"))
            set -u
            number=$(( $3 + ${SLURM_ARRAY_TASK_ID:-0} ))
            last=
            [ "${SLURM_RESTART_COUNT:-0}" -lt \(Self.requeues) ] || last=--last
            "$1" step --work "$2" --station \(word(number)) --number "$number" $last
            code=$?
            # 2, 5 and 6: it can't run here. Slurm starts it anew, elsewhere perhaps.
            case $code in
            2|5|6) [ -n "$last" ] || { scontrol requeue "$SLURM_JOB_ID" && sleep 300; } ;;
            esac
            exit $code

            """
    }

    /// By its name; by its number where that is no name of ours, and would be more than a line.
    private func word(_ number: Int) -> String {
        let name = steps[number].station.name
        return name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } ? SlurmText.quoted(name) : "\(number)"
    }

    private var common: [String] { options.common }

    /// All turns and attempts of a step, with the pauses between, and two minutes for what is around them.
    private static func minutes(_ step: StationSteps, _ options: SlurmOptions) -> Int? {
        guard let own = step.uses.time else { return options.time.map { Int(($0 / 60).rounded(.up)) } }
        let seconds = (own + 30) * Double(step.turns) * Double(step.attempts) + 120
        return Int(min(seconds / 60, 5_000_000).rounded(.up))
    }

    // MARK: Submitting

    var submit: String {
        head + Self.functions(isFollowed: places.isFollowed, common: common, options)
            + steps.indices.map(line).joined() + (places.isFollowed ? Self.followed : Self.end(keys, common, options))
    }

    /// One station, as the functions take it.
    private func line(_ number: Int) -> String {
        let step = steps[number]
        func list(_ matched: Bool) -> String {
            step.waits.filter { $0.isMatched == matched }.compactMap { numbers[$0.station] }.map(String.init)
                .joined(separator: " ")
        }
        let after = step.knownAfter.compactMap { numbers[$0] }.map(String.init).joined(separator: " ")
        let count = step.states.map { "\($0.count) of it" } ?? "how many of it is known later"
        return
            "# \(SlurmText.comment(step.station.name)): \(count)\nstation \(number) \(keys[number]) '\(list(false))' '\(list(true))' '\(after)'\n"
    }

    private static let followed = "exit $code\n"

    /// When nothing is left to submit, a last job tells the journal and gathers the results.
    private static func end(_ keys: [String], _ common: [String], _ options: SlurmOptions) -> String {
        """
        # Another job may be submitting just now what it has claimed: who looks when that is done sees whether all is submitted.
        if [ -n "$open" ] && [ "$code" = 0 ] && [ "${LAS_LOOKS:-0}" -lt 60 ]; then
            for claim in "$work"/slurm/*.claim; do
                [ "$claim" != "$work/slurm/end.claim" ] && [ -d "$claim" ] && [ ! -e "${claim%.claim}.jobs" ] || continue
                sleep 1
                LAS_LOOKS=$((${LAS_LOOKS:-0} + 1)) exec sh "$here/submit.sh"
            done
        fi
        # When all have ended: the journal, and the results in $work/results.
        if [ -z "$open" ] && [ "$code" = 0 ] && mkdir "$work/slurm/end.claim" 2> /dev/null; then
            sbatch --parsable --job-name=\(options.prefix)-end --nodes=1 --ntasks=1 \(words(common))\\
                --output="$work/slurm/logs/end.txt" ${all:+--dependency=afterany$all} "$work/slurm/end.sh" > "$work/slurm/end.jobs"
        fi
        exit $code

        """
    }

    private static func words(_ common: [String]) -> String {
        common.map { SlurmText.quoted($0) + " " }.joined()
    }

    private static func functions(
        isFollowed: Bool, common: [String], _ options: SlurmOptions
    ) -> String {
        let throttle = options.throttle.map { "%\($0)" } ?? ""
        return """
            here=$(cd "$(dirname "$0")" && pwd)
            mkdir -p "$work/slurm/logs"
            look() { "$las" advance --work "$work" --look "$@"; }
            # Of each station, by its number: count_N of its steps, where that is known; state_N; begun_N where some are done already.
            standing=$(look --shell)
            eval "$standing"
            max=$(scontrol show config 2> /dev/null | sed -n 's/^MaxArraySize *= *//p')
            [ "${max:-0}" -gt 0 ] || max=1001
            all= open= new= code=0

            # What was submitted just now is taken back.
            refuse() {
                code=4
                printf '%s\\n' "$1" > "$work/slurm/refused"
                printf '%s\\n' "$1" >&2
                [ -z "$new" ] || scancel $new
                # In a job there is nobody to tell: the run ends.
                [ -z "${LAS_NEXT:-}" ] || scancel $(cat "$work"/slurm/*.jobs)
                \(isFollowed ? "" : #"[ -z "${LAS_NEXT:-}" ] || "$las" advance --work "$work" --via slurm --gone all --why "$1""#)
                for key in $claims; do rm -rf "$work/slurm/$key.claim" "$work/slurm/$key.jobs"; done
            }
            claims=

            # station NUMBER KEY WHOLE MATCHED KNOWN-AFTER
            station() {
                [ "$code" = 0 ] || return 0
                eval "key_$1=$2 count=\\${count_$1:-} state=\\$state_$1 begun=\\${begun_$1:-}"
                case $state in
                done|skipped) return 0 ;;
                esac
                if [ -e "$work/slurm/$2.jobs" ]; then
                    for job in $(cat "$work/slurm/$2.jobs"); do all=$all:$job; done
                    return 0
                fi
                depends=
                for before in $3; do
                    eval "key=\\$key_$before state=\\$state_$before"
                    [ "$state" != done ] || continue
                    [ -e "$work/slurm/$key.jobs" ] || { open="$open $1"; return 0; }
                    for job in $(cat "$work/slurm/$key.jobs"); do depends=$depends,KIND:$job; done
                done
                if [ -z "$count" ]; then
                    open="$open $1"
                    later "$2" "$5"
                    return 0
                fi
                matched=
                for before in $4; do
                    eval "key=\\$key_$before state=\\$state_$before before_begun=\\${begun_$before:-}"
                    [ "$state" != done ] || continue
                    [ -e "$work/slurm/$key.jobs" ] || { open="$open $1"; return 0; }
                    matched="$matched $key"
                    [ -z "$before_begun" ] || begun=yes
                done
                mkdir "$work/slurm/$2.claim" 2> /dev/null || { open="$open $1"; return 0; }
                claims="$claims $2"
                # Where some are done already, a step sees itself what is there; else Slurm knows what must have gone well.
                kind=afterok
                [ -z "$begun" ] || kind=afterany
                first=0 jobs= place=0
                while [ "$first" -lt "$count" ]; do
                    size=$((count - first)) place=$((place + 1))
                    [ "$size" -le "$max" ] || size=$max
                    array=0-$((size - 1))
                    [ -z "$begun" ] || array=$(look --todo "$1:$first:$size")
                    if [ -n "$array" ]; then
                        needs=$(printf %s "$depends" | sed "s/KIND/$kind/g")
                        for key in $matched; do
                            if [ "$kind" = afterok ]; then
                                needs=$needs,aftercorr:$(cut -d ' ' -f "$place" "$work/slurm/$key.jobs")
                            else
                                for job in $(cat "$work/slurm/$key.jobs"); do needs=$needs,afterany:$job; done
                            fi
                        done
                        if ! job=$(sbatch --parsable --kill-on-invalid-dep=yes --array="$array\(throttle)" \\
                            --output="$work/slurm/logs/$2.txt" ${needs:+--dependency="${needs#,}"} \\
                            "$here/$2.sbatch" "$las" "$work" "$first" 2>&1); then
                            refuse "$job"
                            return 0
                        fi
                        number "$job"
                        jobs="$jobs $job" new="$new $job" all=$all:$job
                    fi
                    first=$((first + size))
                done
                printf '%s\\n' "${jobs# }" > "$work/slurm/$2.jobs.new"
                mv "$work/slurm/$2.jobs.new" "$work/slurm/$2.jobs"
            }

            # later KEY KNOWN-AFTER: a small job goes on when it is known how many steps there are.
            later() {
                jobs= names=
                for before in $2; do
                    eval "key=\\$key_$before state=\\$state_$before"
                    names=$names,$before
                    [ "$state" != done ] || continue
                    [ -e "$work/slurm/$key.jobs" ] || return 0
                    for job in $(cat "$work/slurm/$key.jobs"); do jobs=$jobs:$job; done
                done
                [ -n "$jobs" ] && mkdir "$work/slurm/$1.next.claim" 2> /dev/null || return 0
                claims="$claims $1.next"
                if ! job=$(sbatch --parsable --job-name=\(options.prefix)-next --nodes=1 --ntasks=1 \(words(common))--requeue \\
                    --output="$work/slurm/logs/next.txt" --open-mode=append --dependency="afterany$jobs" \\
                    "$work/slurm/next.sh" "${names#,}" 2>&1); then
                    refuse "$job"
                    return 0
                fi
                number "$job"
                new="$new $job" all=$all:$job
                printf '%s\\n' "$job" > "$work/slurm/$1.next.jobs"
            }

            # number TEXT: the job that sbatch tells of, in its last line.
            number() {
                job=${1##*
            }
                job=${job%%;*}
                case $job in
                ''|*[!0-9]*) refuse "sbatch told of no job: $1"; exit 4 ;;
                esac
            }

            # A word of the shell, of whatever is in it.
            word() { printf "'"; printf %s "$1" | sed "s/'/'\\\\\\\\''/g"; printf "'"; }
            {
                echo '#!/bin/sh'
                printf 'export LAS_PROGRAM=%s LAS_WORK=%s LAS_NEXT=yes\\n' "$(word "$las")" "$(word "$work")"
                echo '"$LAS_PROGRAM" advance --work "$LAS_WORK" --look --gone "$1" > /dev/null'
                printf 'exec sh %s\\n' "$(word "$here/submit.sh")"
            } > "$work/slurm/next.sh.new.${SLURM_JOB_ID:-0}.$$"
            mv "$work/slurm/next.sh.new.${SLURM_JOB_ID:-0}.$$" "$work/slurm/next.sh"
            \(isFollowed ? "" : """
                {
                    echo '#!/bin/sh'
                    printf 'exec %s advance --work %s --via slurm --gone all\\n' "$(word "$las")" "$(word "$work")"
                } > "$work/slurm/end.sh.new.${SLURM_JOB_ID:-0}.$$"
                mv "$work/slurm/end.sh.new.${SLURM_JOB_ID:-0}.$$" "$work/slurm/end.sh"
                """)

            """
    }
}
