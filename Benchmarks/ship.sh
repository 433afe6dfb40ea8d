#!/usr/bin/env bash
# Shipping a bundle of 650 MB to a bare host over ssh, against “ssh host 'cat > f'”, scp and rsync of the same file: on loopback, and over a
# way of 50 ms there and back with 1 Gbit/s. Then again, unchanged.
. "$(dirname "$0")/ground.bash"
needs ssh openssh-client ssh-keygen openssh-client sshd openssh-server scp openssh-client rsync rsync python3 python3
begin
base=${LAS_BENCH_PORT:-18500}
metro large "$large"
layered large
bundle=$scratch/large.las
# Its parts go into the scratch LASH, as they are on a machine that packed it.
"$las" pack "$scratch/large" --output "$bundle" --quiet
many_hosts 1 "$base"
long_way 0.025 125000000 "$((base + 9)):$((base + 1))"
known_host far "$((base + 9))" "$scratch/host1"

words=(-F "$LAS_SSH_CONFIG" -i "$scratch/key")
by_cat() { ssh "${words[@]}" -p "$1" "$(id -un)@127.0.0.1" "cat > $scratch/copied" < "$bundle"; }
by_scp() { scp -q "${words[@]}" -P "$1" "$bundle" "$(id -un)@127.0.0.1:$scratch/copied"; }
by_rsync() { rsync -e "ssh ${words[*]} -p $1" "$bundle" "$(id -un)@127.0.0.1:$scratch/copied"; }
forget() {
    rm -rf "$scratch/host1" "$scratch/copied"
    sync -f "$scratch"
}

for _ in $(seq "$repeats"); do
    for way in near:h1:$((base + 1)) far:far:$((base + 9)); do
        IFS=: read -r name host port <<< "$way"
        forget
        shipped "$las" deploy "$bundle" --host "$host" --results "$scratch/results"
        record "$name.las" "$(cat "$scratch/seconds")"
        record "$name.shipping" "$(sed 's/.*(\([0-9.]*\) s)$/\1/' "$scratch/line")"
        shipped "$las" deploy "$bundle" --host "$host" --results "$scratch/results"
        record "$name.again" "$(cat "$scratch/seconds")"
        for tool in cat scp rsync; do
            forget
            timed "$name.$tool" "by_$tool" "$port"
            cmp "$scratch/copied" "$bundle"
        done
    done
done

row() { printf '%-46s %10s %10s %10s %10s\n' "$@"; }
line() {
    row "$1" "$(seconds "near.$2")" "$(ratio "$(median near.las)" "$(median "near.$2")")" \
        "$(seconds "far.$2")" "$(ratio "$(median far.las)" "$(median "far.$2")")"
}
echo "$(awk -v b="$(stat -c %s "$bundle")" 'BEGIN { printf "%.1f MB", b / 1e6 }') over ssh, $(nproc) cores, medians of $repeats"
row "" loopback "las ÷" "50 ms" "las ÷"
line "las deploy, start until all is there" las
line "  shipping the parts, as las prints it" shipping
line "ssh host 'cat > f' < bundle" cat
line "scp" scp
line "rsync" rsync
line "las deploy again, nothing changed" again
