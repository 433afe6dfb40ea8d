#!/usr/bin/env bash
# How busy hosts are kept: 2,000 tasks of 0.1 s over 4 hosts with 2 slots each, all of them on this machine, each reached by an sshd
# on loopback with a LASH of its own. 100 % would be 25 s; what is missing of it goes into starting tasks, and into what is sent
# and recorded of them. On few processors the tasks themselves, which sleep, cost next to nothing, but four hosts and las do.
. "$(dirname "$0")/ground.bash"
needs sshd openssh-server ssh-keygen openssh-client
begin
count=${LAS_BENCH_TASKS:-2000}
mkdir -p "$scratch/many"
cat > "$scratch/many/metro.yml" <<END
metro: many
lines:
  all:
    - station: one
      repeat: $count
      command: sleep 0.1; echo {turn} > {out}
      out: x
results: [one]
END
own_lash
"$las" pack "$scratch/many" --output "$scratch/many.las" --quiet
four_hosts 22100
# The parts are there, and checked, before anything is measured.
for _ in $(seq "$repeats"); do
    "$las" deploy "$scratch/many.las" --fresh --cpus 2 --results "$scratch/results" "${hosts[@]}" > "$scratch/told" 2>&1 ||
        { cat "$scratch/told"; exit 1; }
    run=$(ls "$LASH/runs" | tail -n 1)
    "$las" report "$run" --json | python3 -c 'import json, sys
tasks = [t for t in json.load(sys.stdin)["byTask"] if t["outcome"] == "done"]
span = max(t["began"] + t["seconds"] for t in tasks) - min(t["began"] for t in tasks)
slots, busy = 4 * 2, sum(t["seconds"] for t in tasks)
print(f"{len(tasks)} tasks in {span:.1f} s: {100 * len(tasks) * 0.1 / (span * slots):.1f} % of 8 slots asleep, "
      f"{100 * busy / (span * slots):.1f} % busy with tasks")'
done
