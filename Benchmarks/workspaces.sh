#!/usr/bin/env bash
# Workspaces over four hosts, all of them on this machine, each reached by an sshd on loopback with a LASH of its own: how long it takes
# until 10,000 files of 4 KB that a task makes on one of them lie on another one and are known on the two that have no need of them,
# against rsync from one sshd to a folder; and how long until a file that a task writes is seen by tasks on the other three, while nothing
# else happens.
. "$(dirname "$0")/ground.bash"
needs sshd openssh-server ssh-keygen openssh-client rsync rsync
begin
count=${LAS_BENCH_FILES:-10000}
mkdir -p "$scratch/shared"
# watch STATION: one that needs all (h2), or nothing but the signals.
watch() {
    local needs="{ files: [whole, said-*], access: read }" until=:
    # shellcheck disable=SC2016 # the station's own
    [ "$1" != h2 ] || needs=read until='until [ "$n" -ge '$count' ]; do pause 0.02; n=$(ls {panel}/files 2>/dev/null | wc -l); done'
    cat <<END
    - station: $1
      at: $1
      workspaces: { panel: $needs }
      command: |
        mkfifo /tmp/clock
        exec 9<> /tmp/clock
        pause() { read -t "\$1" -u 9 || :; }
        n=0
        while [ ! -e {panel}/whole ]; do pause 0.02; done
        $until
        echo all \$EPOCHREALTIME
        for i in \$(seq 40); do
            while [ ! -e {panel}/said-\$i ]; do pause 0.002; done
            echo signal \$EPOCHREALTIME \$(cat {panel}/said-\$i)
        done
      out: seen.txt
END
}
cat > "$scratch/shared/metro.yml" <<END
metro: shared
workspaces: [panel]
lines:
  one:
    - station: h1
      at: h1
      workspaces: panel
      command: |
        mkdir own
        head -c $((count * 4096)) /dev/urandom | split -b 4096 -a 5 -d - own/f
        sleep 3
        echo began \$EPOCHREALTIME
        cp -r own {panel}/files
        echo made \$EPOCHREALTIME
        : > {panel}/whole
        sleep ${LAS_BENCH_PAUSE:-30}
        for i in \$(seq 40); do
            echo \$EPOCHREALTIME > {panel}/new; mv {panel}/new {panel}/said-\$i
            sleep 0.3
        done
      out: made.txt
$(for n in 2 3 4; do printf '  line%s:\n' $n; watch h$n; done)
results: [h1, h2, h3, h4]
END
own_lash
"$las" pack "$scratch/shared" --output "$scratch/shared.las" --quiet
four_hosts 22200
for number in 1 2 3 4; do "$las" host label "h$number" "h$number" --quiet; done
mkdir "$scratch/own"
head -c $((count * 4096)) /dev/urandom | split -b 4096 -a 5 -d - "$scratch/own/f"
# Into a new folder each time: what removes files just before has the file system look for others' inodes.
copied() {
    rsync -a -e "ssh -F $scratch/ssh_config -i $scratch/key -p 22201" "$(id -un)@127.0.0.1:$scratch/own/" "$scratch/copy$1/"
}
# known: writes down when the last of the files was known on hosts 3 and 4, by what each writes down of the workspace.
cat > "$scratch/known.py" <<'END'
import glob, os, sys, time
scratch, count = sys.argv[1], int(sys.argv[2])
old = set(glob.glob(f"{scratch}/host[34]/runs/*/workspaces/panel/map"))
open(f"{scratch}/looks", "w").close()
files, rest, left, times = {}, {}, {}, {}
while len(times) < 2:
    for path in glob.glob(f"{scratch}/host[34]/runs/*/workspaces/panel/map"):
        if path in old or path in times: continue
        # It is written anew when the workspace begins.
        if path not in files or os.fstat(files[path].fileno()).st_ino != os.stat(path).st_ino:
            files[path], rest[path], left[path] = open(path, "rb"), b"", count
        *lines, rest[path] = (rest[path] + files[path].read()).split(b"\n")
        left[path] -= sum(b'"name":"files/f' in line for line in lines)
        if left[path] <= 0: times[path] = time.time()
    time.sleep(0.01)
with open(f"{scratch}/known", "w") as f: f.write(f"{max(times.values())}\n")
END
for number in $(seq "$repeats"); do
    timed rsync copied "$number"
    rm -f "$scratch/looks" "$scratch/known"
    python3 "$scratch/known.py" "$scratch" "$count" &
    looking=$!
    servers+=("$looking")
    until [ -e "$scratch/looks" ]; do sleep 0.05; done
    "$las" deploy "$scratch/shared.las" --fresh --results "$scratch/results" "${hosts[@]}" > "$scratch/told" 2>&1 ||
        { cat "$scratch/told"; exit 1; }
    wait "$looking"
    python3 - "$scratch" <<'END'
import statistics, sys
scratch = sys.argv[1]
made = dict(line.split() for line in open(f"{scratch}/results/h1/made.txt"))
alls, signals = [], []
for host in "h2", "h3", "h4":
    for line in open(f"{scratch}/results/{host}/seen.txt"):
        words = line.split()
        if words[0] == "all":
            alls.append(float(words[1]) - float(made["began"]))
        else:
            signals.append(1000 * (float(words[1]) - float(words[2])))
known = float(open(f"{scratch}/known").read()) - float(made["began"])
with open(f"{scratch}/samples/there", "a") as f: f.write(f"{alls[0]:.3f}\n")
with open(f"{scratch}/samples/known", "a") as f: f.write(f"{known:.3f}\n")
with open(f"{scratch}/samples/all", "a") as f: f.write(f"{max(known, alls[0]):.3f}\n")
with open(f"{scratch}/samples/after", "a") as f: f.write(f"{max(known, alls[0]) - float(made['made']) + float(made['began']):.3f}\n")
with open(f"{scratch}/samples/copying", "a") as f: f.write(f"{float(made['made']) - float(made['began']):.3f}\n")
with open(f"{scratch}/samples/signal", "a") as f: f.write(f"{statistics.median(signals):.1f}\n")
END
done
echo "$count files of 4 KB, four hosts on this machine, median of $repeats"
printf '%-58s %s\n' "rsync over ssh, one to one" "$(seconds rsync)"
printf '%-58s %s\n' "made by a task (cp) on one host" "$(seconds copying)"
printf '%-58s %s\n' "from its beginning until all lie on one other host" "$(seconds there) ($(ratio "$(median there)" "$(median rsync)") of rsync)"
printf '%-58s %s\n' "and until all are known on the other two" "$(seconds known) ($(ratio "$(median known)" "$(median rsync)") of rsync)"
printf '%-58s %s\n' "both" "$(seconds all) ($(ratio "$(median all)" "$(median rsync)") of rsync)"
printf '%-58s %s\n' "both, after they are made" "$(seconds after) ($(ratio "$(median after)" "$(median rsync)") of rsync)"
printf '%-58s %s ms\n' "a file that is written is seen elsewhere, idle, median" "$(median signal)"
