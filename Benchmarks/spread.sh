#!/usr/bin/env bash
# A bundle of 90 MB to eight hosts at once, behind a sender of 400 Mbit/s, against eight “ssh host 'cat > f'” at once; then to the same hosts,
# which have all of it, against one of them, and against eight “ssh host true” at once.
. "$(dirname "$0")/ground.bash"
needs ssh openssh-client ssh-keygen openssh-client sshd openssh-server python3 python3
begin
base=${LAS_BENCH_PORT:-18500}
template lambda-variants
bundle=$scratch/lambda-variants.las
"$las" pack "$scratch/lambda-variants" --output "$bundle" --quiet
many_hosts 8 "$base"
ways=()
for number in 1 2 3 4 5 6 7 8; do ways+=("$((base + 20 + number)):$((base + number))"); done
long_way 0.001 50000000 "${ways[@]}"
hosts=()
for number in 1 2 3 4 5 6 7 8; do known_host "w$number" "$((base + 20 + number))" "$scratch/host$number"; done
by_cat() {
    local number pids=()
    for number in 1 2 3 4 5 6 7 8; do
        ssh -F "$LAS_SSH_CONFIG" -i "$scratch/key" -p "$((base + 20 + number))" "$(id -un)@127.0.0.1" \
            "cat > $scratch/copied$number" < "$bundle" &
        pids+=($!)
    done
    wait "${pids[@]}"
}
# greet COUNT: “ssh host true” on so many at once.
greet() {
    local number pids=()
    for number in $(seq "$1"); do
        ssh -F "$LAS_SSH_CONFIG" -i "$scratch/key" -p "$((base + 20 + number))" "$(id -un)@127.0.0.1" true < /dev/null &
        pids+=($!)
    done
    wait "${pids[@]}"
}
deploy() {
    local name=$1
    shift
    shipped "$las" deploy "$bundle" "$@" --results "$scratch/results"
    record "$name" "$(cat "$scratch/seconds")"
}
for _ in $(seq "$repeats"); do
    rm -rf "$scratch"/host[1-8] "$scratch"/copied*
    sync -f "$scratch"
    timed cat by_cat
    rm -f "$scratch"/copied*
    sync -f "$scratch"
    deploy cold "${hosts[@]}"
    deploy again "${hosts[@]}"
    deploy one --host w1
    timed greeting greet 1
    timed greetings greet 8
done
row() { printf '%-46s %10s %8s\n' "$@"; }
echo "$(awk -v b="$(stat -c %s "$bundle")" 'BEGIN { printf "%.1f MB", b / 1e6 }') to eight hosts, 400 Mbit/s in all, $(nproc) cores, medians of $repeats"
row "eight times ssh host 'cat > f', at once" "$(seconds cat)" "1.00"
row "las deploy, until all is on all of them" "$(seconds cold)" "$(ratio "$(median cold)" "$(median cat)")"
row "las deploy to one that has it" "$(seconds one)" "1.00"
row "las deploy to eight that have it" "$(seconds again)" "$(ratio "$(median again)" "$(median one)")"
row "  against eight times ssh host true, at once" "" "$(ratio "$(median again)" "$(median greetings)")"
row "ssh host true" "$(seconds greeting)" "1.00"
row "eight times ssh host true, at once" "$(seconds greetings)" "$(ratio "$(median greetings)" "$(median greeting)")"
