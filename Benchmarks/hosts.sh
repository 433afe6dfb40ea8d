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
export LASH=$scratch/lash
mkdir -p "$LASH"
for folder in packages layers archives; do
    [ ! -d "$kept/$folder" ] || cp -al "$kept/$folder" "$LASH/" 2>/dev/null || cp -a "$kept/$folder" "$LASH/"
done
"$las" pack "$scratch/many" --output "$scratch/many.las" --quiet
ssh-keygen -q -t ed25519 -N '' -f "$scratch/key"
ssh-keygen -q -t ed25519 -N '' -f "$scratch/host_key"
mkdir -p /run/sshd
servers=()
stop() {
    for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null || true; done
    finish
}
trap stop EXIT
hosts=()
for number in 1 2 3 4; do
    port=$((22100 + number))
    cat > "$scratch/sshd_$number" <<END
Port $port
ListenAddress 127.0.0.1
PidFile none
HostKey $scratch/host_key
AuthorizedKeysFile $scratch/key.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
SetEnv LASH=$scratch/host$number
END
    "$(PATH=$PATH:/usr/sbin command -v sshd)" -D -f "$scratch/sshd_$number" &
    servers+=($!)
    printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$scratch/host_key.pub")" >> "$scratch/known_hosts"
    hosts+=(--host "h$number")
done
printf 'Host *\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile /dev/null\n  IdentityFile none\n' "$scratch/known_hosts" \
    > "$scratch/ssh_config"
export LAS_SSH_CONFIG=$scratch/ssh_config
sleep 0.5
for number in 1 2 3 4; do
    "$las" host add "h$number" "$(id -un)@127.0.0.1:$((22100 + number))" --identity "$scratch/key" \
        --host-lash "$scratch/host$number" --quiet
done
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
