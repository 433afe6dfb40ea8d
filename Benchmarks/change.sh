#!/usr/bin/env bash
# What a second deploy costs of a metro of 650 MB: bytes over the line, both ways, and seconds until its first task runs. After an edit of one
# script against rsync of the new bundle over the old one, and against what casync would have to send; after a small package more.
. "$(dirname "$0")/ground.bash"
needs ssh openssh-client ssh-keygen openssh-client sshd openssh-server rsync rsync casync casync python3 python3
begin
base=${LAS_BENCH_PORT:-18500}
metro large "$large"
metro more "$large, hello"
layered large more
many_hosts 1 "$base"
long_way 0 0 "$((base + 9)):$((base + 1))"
known_host near "$((base + 9))" "$scratch/host1"
pack() { "$las" pack "$scratch/$1" --output "$scratch/$1.las" --quiet; }
by_rsync() {
    rsync -e "ssh -F $LAS_SSH_CONFIG -i $scratch/key -p $((base + 9))" "$scratch/$1.las" "$(id -un)@127.0.0.1:$scratch/copied"
}
# over NAME COMMAND…: records the bytes that it has sent and got.
over() {
    local name=$1 before
    shift
    before=$(counted)
    "$@"
    record "$name" $(($(counted) - before))
}
# The whole of it, results included; what is told are the events, each as a line of JSON.
deploy() {
    local start line
    start=$(now)
    rm -rf "$scratch/results"
    "$las" deploy "$scratch/$1" --host near --results "$scratch/results" --json 2> "$scratch/told" | while IFS= read -r line; do
        case $line in *'"taskStarted"'*) difference "$start" "$(now)" > "$scratch/first" ;; esac
    done
}
# What of an index and its chunks was not there before.
by_casync() {
    mkdir -p "$scratch/store"
    touch "$scratch/before"
    casync make --store="$scratch/store" "$scratch/$1.caibx" "$scratch/$1.las" > "$scratch/casync.out" 2>&1
    record "$2" "$( (find "$scratch/store" -type f -newer "$scratch/before" -printf '%s\n'; stat -c %s "$scratch/$1.caibx") |
        awk '{ sum += $1 } END { print sum }')"
}

pack large
deploy large
by_rsync large
by_casync large first.casync
for turn in $(seq "$repeats"); do
    echo "# edited $turn" >> "$scratch/large/files/bin/say"
    sleep 1.1                # casync's chunks are told apart by their times
    sync -f "$scratch"
    over edit.las deploy large
    record edit.first "$(cat "$scratch/first")"
    # What it says that it has sent of the metro's image.
    record edit.extents "$(sed -n 's/^shipping to near: 1 part, \([0-9.]*\) \(K\{0,1\}\)B.*/\1 \2/p' "$scratch/told" |
        awk '{ print $1 * ($2 == "K" ? 1000 : 1) }')"
    pack large
    over edit.rsync by_rsync large
    by_casync large edit.casync
done
pack more
over more.las deploy more
over more.rsync by_rsync more
sleep 1.1
by_casync more more.casync

row() { printf '%-46s %14s %14s\n' "$@"; }
line() { row "$1" "$(median "edit.$2") B" "$(median "more.$2") B"; }
echo "$(awk -v b="$(stat -c %s "$scratch/large.las")" 'BEGIN { printf "%.1f MB", b / 1e6 }'), $(nproc) cores, medians of $repeats; a package more: once"
row "bytes both ways" "an edit" "a package"
line "las deploy, results included" las
line "rsync of the bundle" rsync
line "casync: index and new chunks" casync
row "las / rsync" "$(ratio "$(median edit.las)" "$(median edit.rsync)")" "$(ratio "$(median more.las)" "$(median more.rsync)")"
row "las / casync" "$(ratio "$(median edit.las)" "$(median edit.casync)")" "$(ratio "$(median more.las)" "$(median more.casync)")"
row "extents of the metro's image that were sent" "$(median edit.extents) B" ""
row "las deploy until the first task runs" "$(seconds edit.first)" ""
