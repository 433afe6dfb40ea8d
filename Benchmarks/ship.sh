#!/usr/bin/env bash
# Shipping a bundle to a bare host over ssh on loopback, against “ssh host 'cat > f'” of the same file; then again, unchanged.
. "$(dirname "$0")/ground.bash"
needs ssh openssh-client ssh-keygen openssh-client sshd openssh-server
begin
template lambda-variants
bundle=$scratch/lambda-variants.las
# Its parts go into the scratch LASH, as they are on a machine that packed it.
"$las" pack "$scratch/lambda-variants" --output "$bundle" --quiet

mkdir "$scratch/ssh" "$scratch/bin" "$scratch/home"
chmod 700 "$scratch/ssh"
for program in sh mkdir cat chmod mv; do ln -s "$(command -v $program)" "$scratch/bin/$program"; done
for key in host_key user_key; do ssh-keygen -q -t ed25519 -N '' -f "$scratch/ssh/$key"; done
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
sshd=$(PATH=$PATH:/usr/sbin command -v sshd)
for _ in 1 2 3 4 5; do              # the port may be another's
    port=$((20000 + RANDOM % 12000))
    cat > "$scratch/ssh/sshd_config" <<C
Port $port
ListenAddress 127.0.0.1
HostKey $scratch/ssh/host_key
AuthorizedKeysFile $scratch/ssh/user_key.pub
PidFile $scratch/ssh/pid
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
UsePAM no
StrictModes no
SetEnv PATH=$scratch/bin HOME=$scratch/home LASH=$scratch/host-lash
C
    # It ends after ten minutes, whatever happens to this script.
    timeout 600 "$sshd" -D -e -f "$scratch/ssh/sshd_config" 2> "$scratch/ssh/log" &
    server=$!
    for _ in $(seq 30); do [ -s "$scratch/ssh/pid" ] && break 2; sleep 0.1; done
    kill "$server" 2>/dev/null || true
    server=""
done
[ -n "$server" ] || { cat "$scratch/ssh/log" >&2; exit 1; }
printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$scratch/ssh/host_key.pub")" > "$scratch/ssh/known_hosts"
printf 'Host *\n UserKnownHostsFile %s\n GlobalKnownHostsFile /dev/null\n IdentityFile %s\n IdentitiesOnly yes\n' \
    "$scratch/ssh/known_hosts" "$scratch/ssh/user_key" > "$scratch/ssh/config"
export LAS_SSH_CONFIG=$scratch/ssh/config
unset SSH_AUTH_SOCK
user=$(id -un)
"$las" host add bench "$user@127.0.0.1:$port" --identity "$scratch/ssh/user_key" --host-lash "$scratch/host-lash" --quiet \
    --accept-key "$(ssh-keygen -lf "$scratch/ssh/host_key.pub" | cut -d' ' -f2)"

# deploy NAME: records the seconds from the start of las until it says that the parts are there, and those that it prints.
deploy() {
    local name=$1 start line
    start=$(now)
    "$las" deploy "$bundle" --host bench --results "$scratch/results" > "$scratch/told" 2> >(
        while IFS= read -r line; do
            case $line in "shipping to bench:"*)
                difference "$start" "$(now)" > "$scratch/shipped"
                echo "$line" > "$scratch/line" ;;
            esac
        done
        touch "$scratch/read"
    ) || { echo "ship.sh: las deploy ended with $?" >&2; exit 1; }
    until [ -e "$scratch/read" ]; do sleep 0.05; done
    record "$name" "$(cat "$scratch/shipped")"
    record "$name.shipping" "$(sed 's/.*(\([0-9.]*\) s)$/\1/' "$scratch/line")"
    sed 's/^shipping to bench: //; s/ ([0-9.]* s)$//' "$scratch/line" > "$scratch/$name.bytes"
    rm -rf "$scratch/results" "$scratch/read" "$scratch/shipped"
}
copy() { ssh -F "$LAS_SSH_CONFIG" -p "$port" "$user@127.0.0.1" "cat > $scratch/copied" < "$bundle"; }

for _ in $(seq "$repeats"); do
    rm -rf "$scratch/host-lash" "$scratch/copied"
    sync -f "$scratch"
    deploy first
    deploy second
    sync -f "$scratch"
    timed copy copy
done
cmp "$scratch/copied" "$bundle"

row() { printf '%-42s %10s  %s\n' "$@"; }
bytes=$(awk -v b="$(stat -c %s "$bundle")" 'BEGIN { printf "%.1f MB", b / 1e6 }')
echo "lambda-variants ($bytes) over ssh on loopback, $(nproc) cores, medians of $repeats"
row "" wall sent
row "las deploy, start until all is there" "$(seconds first)" "the runtime, and $(cat "$scratch/first.bytes")"
row "  shipping the parts, as las prints it" "$(seconds first.shipping)" ""
row "ssh host 'cat > f' < bundle" "$(seconds copy)" "$bytes"
row "las deploy again, nothing changed" "$(seconds second)" "$(cat "$scratch/second.bytes")"
row "las until all is there / ssh" "$(ratio "$(median first)" "$(median copy)")" ""
row "las shipping / ssh" "$(ratio "$(median first.shipping)" "$(median copy)")" ""
row "las again / ssh" "$(ratio "$(median second)" "$(median copy)")" ""
