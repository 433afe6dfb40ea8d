#!/usr/bin/env bash
# 200 tasks of one second each in a Slurm cluster of four nodes, started on this machine for the time: through las, and as an
# array written by hand. las's time is that of the whole run: begun, submitted, followed, its results brought.
. "$(dirname "$0")/ground.bash"
needs slurmctld slurmctld slurmd slurmd munged munge sbatch slurm-client python3 python3
[ "$(id -u)" = 0 ] || { echo "skipped: nodes of Slurm start as root only"; exit 0; }
begin
count=${LAS_BENCH_TASKS:-200}
cpus=${LAS_BENCH_CPUS:-4}       # of each node
# Sockets lie there, whose paths must be short.
cluster=$(mktemp -d /tmp/slurm.XXXXXX)
daemons=""
leave() {
    SLURM_CONF=$cluster/slurm.conf scancel --user=root 2>/dev/null || true
    for pid in $daemons; do kill -9 "$pid" 2>/dev/null || true; done
    rm -rf "$cluster"
    finish
}
trap leave EXIT

mkdir "$cluster/state" "$cluster/spool"
(umask 077; head -c 1024 /dev/urandom > "$cluster/munge.key")
mapfile -t ports < <(python3 -c 'import socket
sockets = [socket.socket() for _ in range(5)]
for s in sockets: s.bind(("127.0.0.1", 0))
for s in sockets: print(s.getsockname()[1])')
cat > "$cluster/slurm.conf" <<END
ClusterName=bench
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$cluster/munge.sock
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool/%n
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
$(for n in 1 2 3 4; do echo "NodeName=n$n NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=${ports[n]} CPUs=$cpus RealMemory=16000 State=UNKNOWN"; done)
PartitionName=all Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$cluster/slurm.conf
munged --foreground --force --key-file="$cluster/munge.key" --socket="$cluster/munge.sock" --pid-file="$cluster/munged.pid" \
    --log-file="$cluster/munged.log" --seed-file="$cluster/munge.seed" < /dev/null > /dev/null 2>&1 & daemons="$daemons $!"
while [ ! -S "$cluster/munge.sock" ]; do sleep 0.05; done
slurmctld -D -f "$SLURM_CONF" < /dev/null > "$cluster/slurmctld.log" 2>&1 & daemons="$daemons $!"
for n in 1 2 3 4; do
    slurmd -D -N "n$n" -f "$SLURM_CONF" < /dev/null > "$cluster/slurmd-$n.log" 2>&1 & daemons="$daemons $!"
done
# Nothing is said of them when they are killed.
disown -a
for _ in $(seq 200); do [ "$(sinfo -h -t idle -o %D 2>/dev/null || true)" != 4 ] || break; sleep 0.1; done

mkdir "$scratch/metro"
cat > "$scratch/metro/metro.yml" <<END
metro: seconds
lines:
  all:
    - station: one
      repeat: $count
      command: sleep 1; echo {turn} > {out}
      out: x
results: [one]
END
own_lash
"$las" pack "$scratch/metro" --output "$scratch/seconds.las" --quiet
cat > "$scratch/array.sh" <<END
#!/bin/sh
#SBATCH --array=1-$count
#SBATCH --output=/dev/null
mkdir -p $scratch/out/\$SLURM_ARRAY_TASK_ID
sleep 1
echo \$SLURM_ARRAY_TASK_ID > $scratch/out/\$SLURM_ARRAY_TASK_ID/x
END
deploy() { "$las" deploy "$scratch/seconds.las" --slurm local --results "$scratch/results" > "$scratch/told" 2>&1; }
array() { sbatch --wait "$scratch/array.sh" > "$scratch/told" 2>&1; }
# The bundle is checked, and its parts put into LASH, once.
"$las" deploy "$scratch/seconds.las" --slurm local --results "$scratch/results" > "$scratch/told" 2>&1
for _ in $(seq "$repeats"); do
    rm -rf "$scratch/out" "$scratch/results"
    timed by-array array
    [ "$(cat "$scratch"/out/*/x | wc -l)" = "$count" ]
    timed by-las deploy
    [ "$(cat "$scratch"/results/one/*/x | wc -l)" = "$count" ]
done
row() { printf '%-44s %10s %8s\n' "$@"; }
echo "$count tasks of one second by Slurm, four nodes of $cpus processors, $(nproc) cores in truth, medians of $repeats"
row "sbatch --wait, an array by hand" "$(median by-array) s" "1.00"
row "las deploy --slurm, results included" "$(median by-las) s" "$(ratio "$(median by-las)" "$(median by-array)")"
