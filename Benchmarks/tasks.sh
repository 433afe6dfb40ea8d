#!/usr/bin/env bash
# Many tasks that do nothing: 5,000 side by side, 100,000 (LAS_BENCH_LARGE=1), and a chain of 1,000; against make, xargs, and
# GNU parallel, HyperQueue, cwltool and Snakemake where they are (the last two with a tenth of the tasks). All run `true` and leave an output each, two at a time. las runs each in its
# sandbox, or with --sandbox off without one, records it in its journal and takes the digest of its output; the others do none of that.
. "$(dirname "$0")/ground.bash"
needs make make xargs findutils
begin
count=${LAS_BENCH_TASKS:-5000}
chain=${LAS_BENCH_CHAIN:-1000}
mkdir -p "$scratch/many" "$scratch/chain" "$scratch/out"

cat > "$scratch/many/metro.yml" <<END
metro: many
lines:
  all:
    - station: one
      repeat: $count
      command: "true"
      out: x
results: [one]
END
cat > "$scratch/chain/metro.yml" <<END
metro: chain
lines:
  all:
    - station: step
      repeat: $chain
      one_by_one: yes
      command: "true"
      out: x
results: [step]
END
{
    echo "all: $(seq -s ' ' -f 'out/%.0f' "$count")"
    printf 'out/%%:\n\t@true > $@\n'
} > "$scratch/make.many"
{
    echo "all: out/c$chain"
    printf 'out/c0:\n\t@true > $@\n'
    for ((i = 1; i <= chain; i++)); do printf 'out/c%d: out/c%d\n\t@true > $@\n' "$i" $((i - 1)); done
} > "$scratch/make.chain"

export LASH=$scratch/lash
mkdir -p "$LASH"
for folder in packages layers archives; do
    [ ! -d "$kept/$folder" ] || cp -al "$kept/$folder" "$LASH/" 2>/dev/null || cp -a "$kept/$folder" "$LASH/"
done
for name in many chain; do
    "$las" pack "$scratch/$name" --output "$scratch/$name.las" --quiet
    "$scratch/$name.las" inspect > /dev/null
done

# Not a part of what is measured: all bytes are checked once, the images are reached, results are copied.
run() { "$scratch/$1.las" run --fresh --cpus 2 --results "$scratch/results" "${@:2}" > "$scratch/told" 2>&1; }
# Put away, and removed at the end: ext4 looks through all inodes that were freed in the last minute for each new one, which would count
# for whoever comes next.
clear_out() {
    local old
    old=$(mktemp -d "$scratch/old.XXXXXX")
    mv "$scratch/out" "$old/"
    [ ! -e "$scratch/results" ] || mv "$scratch/results" "$old/"
    mkdir "$scratch/out"
}
# The time from the first task's start to the last one's end, by the journal.
span() {
    local run
    run=$(ls "$LASH/runs" | tail -n 1)
    "$las" report "$run" --json | python3 -c 'import json, sys
tasks = [t for t in json.load(sys.stdin)["byTask"] if t["outcome"] == "done"]
print(max(t["began"] + t["seconds"] for t in tasks) - min(t["began"] for t in tasks))'
}
for _ in $(seq "$repeats"); do
    clear_out; timed many-las run many; record many-las-tasks "$(span)"
    clear_out; timed many-off run many --sandbox off; record many-off-tasks "$(span)"
    clear_out; timed many-make make -s -j2 -C "$scratch" -f make.many
    # shellcheck disable=SC2016 # it is the shell inside that expands this
    clear_out; (cd "$scratch" && seq "$count" | timed many-xargs xargs -P 2 -I{} sh -c 'true > out/{}')
    clear_out; timed chain-las run chain; record chain-las-tasks "$(span)"
    clear_out; timed chain-off run chain --sandbox off; record chain-off-tasks "$(span)"
    clear_out; timed chain-make make -s -C "$scratch" -f make.chain
done
if command -v parallel > /dev/null; then
    clear_out; (cd "$scratch" && seq "$count" | timed many-parallel parallel -j 2 'true > out/{}')
fi
slow=$((count / 10))
if python3 -c 'import hyperqueue' 2> /dev/null; then
    cat > "$scratch/queue.py" << 'END'
import sys, time
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
with LocalCluster() as cluster:
    cluster.start_worker(WorkerConfig(cores=2))
    client, job = cluster.client(), Job()
    for i in range(int(sys.argv[1])):
        job.program(["/bin/sh", "-c", f"true > out/{i}"], stdout=None, stderr=None)
    began = time.time()
    client.wait_for_jobs([client.submit(job)])
    open(sys.argv[2], "w").write(str(time.time() - began))
END
    clear_out
    # Its server and its worker are there already when the time begins.
    if (cd "$scratch" && python3 queue.py "$count" took > told-queue 2>&1); then record many-queue "$(cat "$scratch/took")"; fi
fi
if command -v cwltool > /dev/null; then
    cat > "$scratch/one.cwl" << 'END'
cwlVersion: v1.2
class: CommandLineTool
requirements: {InlineJavascriptRequirement: {}}
baseCommand: [touch]
inputs: {name: {type: string, inputBinding: {position: 1}}}
outputs: {made: {type: File, outputBinding: {glob: $(inputs.name)}}}
END
    cat > "$scratch/many.cwl" << 'END'
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {names: 'string[]'}
outputs: {made: {type: 'File[]', outputSource: one/made}}
steps:
  one: {run: one.cwl, scatter: name, in: {name: names}, out: [made]}
END
    python3 -c 'import json, sys; print(json.dumps({"names": [f"x{i}" for i in range(int(sys.argv[1]))]}))' "$slow" > "$scratch/job.json"
    clear_out
    (cd "$scratch" && timed many-cwltool cwltool --quiet --parallel --outdir out many.cwl job.json > told-cwltool 2>&1) || rm -f "$scratch/samples/many-cwltool"
fi
if command -v snakemake > /dev/null; then
    printf 'rule all:\n    input: expand("out/{n}", n=range(1, %d))\nrule one:\n    output: "out/{n}"\n    shell: "true > {output}"\n' \
        $((slow + 1)) > "$scratch/Snakefile"
    clear_out
    (cd "$scratch" && timed many-snakemake snakemake -q -j 2 > told-snakemake 2>&1) || rm -f "$scratch/samples/many-snakemake"
fi

row() { printf '%-44s %10s %8s\n' "$@"; }
each() { awk -v s="$(median "$1")" -v n="$2" 'BEGIN { printf "%.2f ms", 1000 * s / n }'; }
# told WORDS NAME COUNT BESIDE BESIDE-COUNT: for each of COUNT, and as a share of what each of the others takes.
told() {
    row "$1" "$(each "$2" "$3")" \
        "$(awk -v a="$(median "$2")" -v n="$3" -v b="$(median "$4")" -v m="${5:-$3}" 'BEGIN { printf "%.2f", a / n / (b / m) }')"
}
echo "A task that does nothing, two at a time, $(nproc) cores, medians of $repeats: time for each of $count"
told "las, sandboxed, journaled" many-las-tasks "$count" many-make
told "  its whole run, with its start and results" many-las "$count" many-make
told "las, without the sandbox, journaled" many-off-tasks "$count" many-make
told "  its whole run, with its start and results" many-off "$count" many-make
told "make -j2" many-make "$count" many-make
told "xargs -P 2" many-xargs "$count" many-make
[ ! -e "$scratch/samples/many-parallel" ] || told "GNU parallel" many-parallel "$count" many-make
[ ! -e "$scratch/samples/many-queue" ] || told "HyperQueue, its server running" many-queue "$count" many-make
[ ! -e "$scratch/samples/many-cwltool" ] || told "cwltool --parallel, $slow tasks" many-cwltool "$slow" many-make "$count"
[ ! -e "$scratch/samples/many-snakemake" ] || told "Snakemake, $slow tasks" many-snakemake "$slow" many-make "$count"
echo "One after another, for each of $chain"
told "las, sandboxed, journaled" chain-las-tasks "$chain" chain-make
told "las, without the sandbox, journaled" chain-off-tasks "$chain" chain-make
told "make" chain-make "$chain" chain-make

if [ "${LAS_BENCH_LARGE:-}" = 1 ]; then
    echo "Whether time and memory grow with the number"
    for large in 10000 30000 100000; do
        sed "s/repeat: .*/repeat: $large/" "$scratch/many/metro.yml" > "$scratch/many/new" && mv "$scratch/many/new" "$scratch/many/metro.yml"
        "$las" pack "$scratch/many" --output "$scratch/many.las" --quiet
        clear_out; timed "large-$large" peak "$scratch/peak" "$scratch/many.las" run --fresh --cpus 2 --results "$scratch/results" > "$scratch/told" 2>&1
        row "las, $large tasks" "$(each "large-$large" "$large")" "$(($(cat "$scratch/peak") / 1024)) MiB"
    done
fi
