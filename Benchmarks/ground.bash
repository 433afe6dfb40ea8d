# shellcheck shell=bash
# What the benchmarks stand on; each of them sources it. LAS names the las to measure.
set -euo pipefail
export LC_ALL=C
las=$(readlink -f "${LAS:-.build/release/las}")
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kept=${LASH:-$top/.demo/lash}     # shared with the demo: packages that were fetched stay for the next time
# shellcheck disable=SC2034 # those that source this use it
repeats=${LAS_BENCH_REPEATS:-3}

# needs PROGRAM PACKAGE …: without one of them there is nothing to compare with, which is no error.
needs() {
    local path=$PATH:/usr/sbin:/sbin
    while [ $# -gt 0 ]; do
        if ! PATH=$path command -v "$1" >/dev/null; then
            echo "skipped: $1 is not installed (Debian package $2)"
            exit 0
        fi
        shift 2
    done
}

server=""
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    [ -z "${scratch:-}" ] || rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Makes $scratch, beside the demo's LASH so that layers can be linked rather than copied.
begin() {
    mkdir -p "$top/.demo"
    scratch=$(mktemp -d "$top/.demo/bench.XXXXXX")
    mkdir "$scratch/samples"
}

# metro NAME NEEDS [COMMAND]: a metro $scratch/NAME of these Debian packages, with one script of its own.
metro() {
    mkdir -p "$scratch/$1/files/bin"
    printf '#!/bin/sh\necho hello > "$1"\n' > "$scratch/$1/files/bin/say"
    chmod 755 "$scratch/$1/files/bin/say"
    cat > "$scratch/$1/metro.yml" <<M
metro: $1
needs:
  debian: [$2]
lines:
  one:
    - station: say
      command: say {out}
      out: said.txt
M
}

# fetched NAME: packs $scratch/NAME in the LASH that is kept, and leaves LASH a scratch one with what was fetched for it: packages
# and the archives' lists, and no layers.
fetched() {
    "$las" pack "$scratch/$1" --output "$scratch/$1.las" --quiet --lash "$kept"
    begun packages archives
}

# layered NAME…: the same of several metros, with their layers.
layered() {
    local name
    for name; do "$las" pack "$scratch/$name" --output "$scratch/$name.las" --quiet --lash "$kept"; done
    begun packages archives layers
    # Linked, a layer's files look changed, and las would read all of it first. Its digests written down after that, it is as just made.
    find "$LASH/layers" -mindepth 2 -maxdepth 2 -name digests -exec chmod 644 {} +
}

# begun FOLDER…: a scratch LASH with these folders of the one that is kept; nothing is removed from that one.
begun() {
    export LASH=$scratch/lash
    mkdir -p "$LASH"
    local folder
    for folder; do
        [ ! -d "$kept/$folder" ] || cp -al "$kept/$folder" "$LASH/" 2>/dev/null || cp -a "$kept/$folder" "$LASH/"
    done
}

# template NAME: a template as the metro $scratch/NAME, packed to $scratch/NAME.las, and LASH a scratch one with its packages
# and layers.
template() {
    "$las" new "$1" "$scratch/$1" --quiet
    layered "$1"
}

# unpack BUNDLE FOLDER: its first environment, by the usual tool.
unpack() {
    local offset
    offset=$("${las}-runtime" inspect "$1" | sed -n 's/.*environment.* at \([0-9]*\),.*/\1/p' | head -n 1)
    unsquashfs -q -n -o "$offset" -d "$2" "$1" > "$scratch/unsquashfs.out"
}

now() { echo "$EPOCHREALTIME"; }
difference() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", b - a }'; }
record() { echo "$2" >> "$scratch/samples/$1"; }                # record NAME VALUE
median() { sort -n "$scratch/samples/$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
seconds() { awk -v s="$(median "$1")" 'BEGIN { printf "%.2f s", s }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'; }

# timed NAME COMMAND…: records its seconds as NAME.
timed() {
    local name=$1 start
    shift
    start=$(now)
    "$@"
    record "$name" "$(difference "$start" "$(now)")"
}

# measured NAME COMMAND…: records its seconds as NAME, those of processors as NAME.cpu, and its peak memory in KiB as NAME.peak.
measured() {
    local name=$1 status=0 TIMEFORMAT='%R %U %S'
    shift
    { time peak "$scratch/peak" "$@" 2>&3 >&4; } 3>&2 4>&1 2> "$scratch/time" || status=$?
    awk '{ print $1 }' "$scratch/time" >> "$scratch/samples/$name"
    awk '{ print $2 + $3 }' "$scratch/time" >> "$scratch/samples/$name.cpu"
    record "$name.peak" "$(tail -n 1 "$scratch/peak" 2>/dev/null || echo 0)"
    return "$status"
}

# printed STAGE: the seconds that las printed for it in $scratch/told; 0 where it was too quick to be told.
printed() {
    sed -n "s/.*$1.*(\([0-9. min]*\) s)\$/\1/p" "$scratch/told" | tail -n 1 |
        awk '{ print NF == 3 ? $1 * 60 + $3 : $1; found = 1 } END { if (!found) print 0 }'
}

# peak FILE COMMAND…: runs it, and puts its peak memory into FILE, in KiB; nothing where neither tool is there.
peak() {
    local file=$1
    shift
    if [ -x /usr/bin/time ]; then
        /usr/bin/time -o "$file" -f %M "$@"
    elif command -v python3 >/dev/null; then
        python3 -c 'import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)' "$file" "$@"
    else
        "$@"
    fi
}

# A LASH of the script's own, with the packages that are kept.
own_lash() {
    export LASH=$scratch/lash
    mkdir -p "$LASH"
    for folder in packages layers archives; do
        [ ! -d "$kept/$folder" ] || cp -al "$kept/$folder" "$LASH/" 2>/dev/null || cp -a "$kept/$folder" "$LASH/"
    done
}

# Four hosts h1 to h4; see many_hosts.
four_hosts() { many_hosts 4 "$1"; }

# many_hosts COUNT BASE: hosts h1, h2, …, each an sshd on 127.0.0.1 with a LASH of its own, at the ports after BASE; hosts: their --host
# options; servers: what ends with the script. What this account's ~/.bashrc does at each login is left out, for all who log in: with
# SHLVL the shell takes itself for an inner one.
many_hosts() {
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
    printf 'Host *\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile /dev/null\n  IdentityFile none\n' "$scratch/known_hosts" \
        > "$scratch/ssh_config"
    export LAS_SSH_CONFIG=$scratch/ssh_config
    unset SSH_AUTH_SOCK
    for number in $(seq "$1"); do
        port=$(($2 + number))
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
MaxStartups 100
SetEnv LASH=$scratch/host$number SHLVL=1
Subsystem sftp internal-sftp
END
        "$(PATH=$PATH:/usr/sbin command -v sshd)" -D -f "$scratch/sshd_$number" &
        servers+=($!)
    done
    sleep 0.5
    for number in $(seq "$1"); do known_host "h$number" $(($2 + number)) "$scratch/host$number"; done
}

# known_host NAME PORT LASH: adds a host, which is reached at that port of this machine, to the host list and to hosts.
known_host() {
    printf '[127.0.0.1]:%s %s\n' "$2" "$(cut -d' ' -f1,2 "$scratch/host_key.pub")" >> "$scratch/known_hosts"
    "$las" host add "$1" "$(id -un)@127.0.0.1:$2" --identity "$scratch/key" --host-lash "$3" --quiet
    hosts+=(--host "$1")
}

# long_way DELAY RATE LISTEN:TARGET…: a line that takes DELAY seconds each way and carries RATE bytes a second each way; what went over it is
# counted. It ends with the script.
long_way() {
    local delay=$1 rate=$2
    shift 2
    rm -f "$scratch/counts"
    python3 "$top/Benchmarks/longway.py" --delay "$delay" --rate "$rate" --counts "$scratch/counts" "$@" &
    servers+=($!)
    until [ -s "$scratch/counts" ]; do sleep 0.05; done
}

# Bytes that went over the line, both ways, when all connections over it have ended.
counted() {
    local there back open
    while read -r there back open < "$scratch/counts"; do
        [ "$open" != 0 ] || break
        sleep 0.05
    done
    echo $((there + back))
}

# shipped COMMAND…: runs las, and puts into $scratch/seconds how long it took until it said of the last host that all is there, and what it
# said of that into $scratch/line. A failure ends the script.
shipped() {
    local start line
    start=$(now)
    rm -f "$scratch/read"
    "$@" > "$scratch/told" 2> >(
        while IFS= read -r line; do
            case $line in "shipping to "*)
                difference "$start" "$(now)" > "$scratch/seconds"
                echo "$line" > "$scratch/line" ;;
            esac
        done
        touch "$scratch/read"
    ) || { echo "las deploy ended with $?" >&2; exit 1; }
    until [ -e "$scratch/read" ]; do sleep 0.05; done
}

# What the large benchmarks pack: an environment of 2 GB.
large="python3-pandas, python3-matplotlib, python3-scipy, python3-sympy, r-base-core, g++, bowtie2, samtools, bwa"
# shellcheck disable=SC2034 # those that source this use it
large+=", default-jre-headless, libboost1.74-dev, imagemagick, ffmpeg, ncbi-blast+"
