#!/usr/bin/env bash
# From exec of hello.las to the first instruction of its first station, for each way to reach images, against what else starts a program
# in such a tree: bwrap in the unpacked tree, and runc and podman where they are. The program is bash in all of them, and what it does first
# is to tell the time.
. "$(dirname "$0")/ground.bash"
needs bwrap bubblewrap unsquashfs squashfs-tools
begin
# shellcheck disable=SC2016 # it is the shell inside that expands this
command='echo $EPOCHREALTIME > /task/then'
mkdir "$scratch/hello"
cat > "$scratch/hello/metro.yml" <<M
metro: hello
lines:
  one:
    - station: hello
      command: $command
      out: then
M
bundle=$scratch/hello.las
"$las" pack "$scratch/hello" --output "$bundle" --quiet --lash "$kept"
# Packed in the LASH that it runs in: the kernel reads no images of strangers.
own_lash
"$las" pack "$scratch/hello" --output "$bundle" --quiet
unpack "$bundle" "$scratch/tree"
mkdir "$scratch/work"

run() { "$bundle" run --fresh --results "$scratch/results" "$@" > "$scratch/told" 2>&1; }
# All with the language that las gives commands: the shell reads a dozen files for it.
wrapped() {
    bwrap --unsetenv LC_ALL --setenv LANG C.UTF-8 --unshare-all --die-with-parent --ro-bind "$scratch/tree" / --proc /proc \
        --dev /dev --tmpfs /tmp --bind "$scratch/work" /task --chdir /task /bin/bash -euo pipefail -c "$command"
}
contained() { runc --root "$scratch/runc" run -b "$scratch/oci" "las-bench-$$" > "$scratch/told" 2>&1 < /dev/null; }
podman=(podman --root "$scratch/podman" --runroot "$scratch/podman.run" --cgroup-manager cgroupfs --runtime runc)
podded() {
    "${podman[@]}" run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 \
        -e LANG=C.UTF-8 -v "$scratch/work:/task" -w /task las-bench /bin/bash -euo pipefail -c "$command" > "$scratch/told" 2>&1
}
bare() { (cd "$scratch/work" && bash -euo pipefail -c "${command/\/task\//}"); }

# until_then NAME FILE COMMAND…: records the seconds from its start until what FILE says as NAME.
until_then() {
    local name=$1 file=$2 start
    shift 2
    rm -f "$file"
    start=$(now)
    "$@"
    record "$name" "$(difference "$start" "$(cat "$file")")"
}
wrapped || { echo "skipped: bwrap may not make namespaces here"; exit 0; }
peers=(bwrap)
if command -v runc > /dev/null; then
    mkdir -p "$scratch/oci"
    (cd "$scratch/oci" && runc spec)
    python3 - "$scratch" "$command" <<'PYTHON'
import json, sys
path = sys.argv[1] + "/oci/config.json"
c = json.load(open(path))
c["process"].update(args=["/bin/bash", "-euo", "pipefail", "-c", sys.argv[2]], terminal=False, cwd="/task")
c["process"]["env"].append("LANG=C.UTF-8")
c["root"] = {"path": sys.argv[1] + "/tree", "readonly": True}
c["mounts"].append({"destination": "/task", "type": "bind", "source": sys.argv[1] + "/work", "options": ["rbind", "rw"]})
json.dump(c, open(path, "w"))
PYTHON
    if contained; then peers+=(runc); else echo "left out: runc does not work here: $(tail -n 1 "$scratch/told")"; fi
fi
if command -v podman > /dev/null; then
    tar -C "$scratch/tree" -c . | "${podman[@]}" import -q - las-bench > "$scratch/told" 2>&1 || true
    if podded; then peers+=(podman); else echo "left out: podman does not work here: $(tail -n 1 "$scratch/told")"; fi
fi

# The first use checks the whole bundle; it is told apart. A file so new that it may change unseen is checked again.
result=$scratch/results/hello/then
until_then first "$result" run
engine=$(sed -n 's/.* engine: \([a-z]*\),.*/\1/p' "$scratch/told")
for _ in $(seq 20); do run; grep -q '^checking' "$scratch/told" || break; sleep 0.5; done
engines=(extraction)
for other in fuse kernel; do
    if run --engine "$other"; then engines=("$other" "${engines[@]}"); fi
done
run --engine extraction         # unpacks the image, once

rounds=$((repeats * 10))
for round in $(seq "$rounds"); do
    for name in "${engines[@]}"; do until_then "las-$name" "$result" run --engine "$name"; done
    timed whole run
    until_then bwrap "$scratch/work/then" wrapped
    until_then bare "$scratch/work/then" bare
    # These take long: every fifth time.
    if ((round % 5 == 1)); then
        for peer in "${peers[@]:1}"; do
            case $peer in
                runc) until_then runc "$scratch/work/then" contained ;;
                podman) until_then podman "$scratch/work/then" podded ;;
            esac
        done
    fi
done
if command -v podman > /dev/null; then
    "${podman[@]}" rmi -f las-bench > /dev/null 2>&1 || true
    umount "$scratch/podman/overlay" 2> /dev/null || true
fi

ms() { awk -v s="$(median "$1")" 'BEGIN { printf "%.1f ms", 1000 * s }'; }
row() {
    printf '%-44s %10s' "$1" "$(ms "$2")"
    for peer in "${peers[@]}"; do printf ' %10s' "$(ratio "$(median "$2")" "$(median "$peer")")"; done
    echo
}
echo "From exec to the first instruction of the station, $(nproc) cores, medians of $rounds; engine by default: $engine"
printf '%-44s %10s' "" time
for peer in "${peers[@]}"; do printf ' %10s' "/ $peer"; done
echo
for name in "${engines[@]}"; do row "hello.las run --engine $name" "las-$name"; done
for peer in "${peers[@]}"; do row "$peer" "$peer"; done
row "bash alone, no sandbox" bare
row "hello.las run, its first use, all checked" first
row "hello.las run, to its end with its results" whole
