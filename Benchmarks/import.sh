#!/usr/bin/env bash
# python3 -c 'import pandas' in an image, for each way to reach it: on a mount that is new, with what the kernel has in memory (new mount)
# and without (cold), and on one that lives. Against the same tree unpacked, mounted by the kernel by hand, and by squashfuse_ll, by bwrap.
. "$(dirname "$0")/ground.bash"
needs bwrap bubblewrap unsquashfs squashfs-tools squashfuse_ll squashfuse
[ "$(id -u)" = 0 ] || { echo "skipped: only root mounts by hand, and empties what the kernel has in memory"; exit 0; }
begin
# shellcheck disable=SC2016 # it is the shell inside that expands this
command='a=$EPOCHREALTIME; python3 -c "import pandas"; echo $a $EPOCHREALTIME'
mkdir "$scratch/pandas"
cat > "$scratch/pandas/metro.yml" <<M
metro: pandas
needs:
  debian: [python3-pandas]
lines:
  one:
    - station: load
      repeat: 4
      one_by_one: yes
      command: $command
      out: took
M
fetched pandas
"$las" pack "$scratch/pandas" --output "$scratch/pandas.las" --quiet
bundle=$scratch/pandas.las
unpack "$bundle" "$scratch/tree"
offset=$("${las}-runtime" inspect "$bundle" | sed -n 's/.*environment.* at \([0-9]*\),.*/\1/p' | head -n 1)
mkdir "$scratch/mount"

cold() { sync; echo 3 > /proc/sys/vm/drop_caches; }
taken() { record "$1" "$(awk '{ printf "%.4f", $2 - $1 }' "$2")"; }
# by_las ENGINE NAME: four turns on a mount that is new; the first is told as NAME, the last two as live-ENGINE.
by_las() {
    rm -rf "$scratch/results"
    "$bundle" run --fresh --cpus 1 --engine "$1" --results "$scratch/results" > "$scratch/told" 2>&1 || return 1
    taken "$2" "$(echo "$scratch"/results/load/1/*)"
    for turn in 3 4; do taken "live-$1" "$(echo "$scratch/results/load/$turn"/*)"; done
}
# in_tree NAME ROOT
in_tree() {
    bwrap --unshare-all --die-with-parent --ro-bind "$2" / --proc /proc --dev /dev --tmpfs /tmp \
        /bin/bash -euo pipefail -c "$command" > "$scratch/said"
    taken "$1" "$scratch/said"
}
by_tree() {
    in_tree "$1-tree" "$scratch/tree"
    for _ in 1 2; do in_tree live-tree "$scratch/tree"; done
}
mounted() {
    case $2 in
        kernel.hand) mount -t squashfs -o "ro,loop,offset=$offset" "$bundle" "$scratch/mount" ;;
        squashfuse) squashfuse_ll -o "offset=$offset" "$bundle" "$scratch/mount" ;;
    esac
    in_tree "$1-$2" "$scratch/mount"
    for _ in 1 2; do in_tree "live-$2" "$scratch/mount"; done
    umount "$scratch/mount"
}
engines=()
for name in kernel fuse extraction; do
    if by_las "$name" try; then engines+=("$name"); fi
done
rm -f "$scratch"/samples/*
for _ in $(seq "$repeats"); do
    for kind in cold warm; do
        for name in "${engines[@]}"; do
            [ $kind = warm ] || cold
            by_las "$name" "$kind-$name"
        done
        for name in kernel.hand squashfuse; do
            [ $kind = warm ] || cold
            mounted "$kind" "$name"
        done
        [ $kind = warm ] || cold
        by_tree "$kind"
    done
done
ms() { awk -v s="$(median "$1")" 'BEGIN { printf "%.0f ms", 1000 * s }'; }
row() { printf '%-28s %10s %10s %10s\n' "$@"; }
compare() {
    row "$1 / $2" "$(ratio "$(median "cold-$1")" "$(median "cold-$2")")" \
        "$(ratio "$(median "warm-$1")" "$(median "warm-$2")")" "$(ratio "$(median "live-$1")" "$(median "live-$2")")"
}
echo "python3 -c 'import pandas', $(nproc) cores, medians of $repeats (live: of $((4 * repeats)))"
row "" cold "new mount" live
for name in "${engines[@]}" kernel.hand squashfuse tree; do
    row "$name" "$(ms "cold-$name")" "$(ms "warm-$name")" "$(ms "live-$name")"
done
for name in "${engines[@]}"; do
    case $name in
        kernel) compare kernel kernel.hand ;;
        fuse) compare fuse squashfuse ;;
    esac
    compare "$name" tree
done
