#!/usr/bin/env bash
# From starting hello.las until its one station's result lies there, against bwrap running the same command in the same tree.
. "$(dirname "$0")/ground.bash"
needs bwrap bubblewrap unsquashfs squashfs-tools
begin
template hello
bundle=$scratch/hello.las
# In the LASH that it runs in: the kernel reads no images of strangers.
"$las" pack "$scratch/hello" --output "$bundle" --quiet
unpack "$bundle" "$scratch/tree"
mkdir "$scratch/work"
# shellcheck disable=SC2016 # it is the shell inside that expands this
command='echo "Hello from $(uname -sm), with nothing installed." > /task/hello.txt'

run() { "$bundle" run --fresh --results "$scratch/results" "$@" > "$scratch/told" 2>&1; }
wrapped() {
    bwrap --unshare-all --die-with-parent --ro-bind "$scratch/tree" / --proc /proc --dev /dev --tmpfs /tmp \
        --bind "$scratch/work" /task --chdir /task /bin/bash -euo pipefail -c "$command"
}
bare() { (cd "$scratch/work" && bash -euo pipefail -c "${command/\/task\//}"); }
wrapped || { echo "skipped: bwrap may not make namespaces here"; exit 0; }

# The first use checks the whole bundle; it is told apart. A file so new that it may change unseen is checked again.
timed first run
engine=$(sed -n 's/.* engine: \([a-z]*\),.*/\1/p' "$scratch/told")
for _ in $(seq 20); do run; grep -q '^checking' "$scratch/told" || break; sleep 0.5; done

run --engine extraction         # unpacks the image, once

rounds=$((repeats * 10))
for _ in $(seq "$rounds"); do
    rm -rf "$scratch/results"
    timed las run
    rm -rf "$scratch/results"
    timed fuse run --engine fuse
    rm -rf "$scratch/results"
    timed extraction run --engine extraction
    timed bwrap wrapped
    timed bare bare
done
cmp "$scratch/results/hello/hello.txt" "$scratch/work/hello.txt"

ms() { awk -v s="$(median "$1")" 'BEGIN { printf "%.1f ms", 1000 * s }'; }
row() { printf '%-42s %10s\n' "$@"; }
echo "One station of one echo, engine $engine, $(nproc) cores, medians of $rounds"
row "hello.las run" "$(ms las)"
row "  its first use, all bytes checked (once)" "$(ms first)"
row "hello.las run --engine fuse" "$(ms fuse)"
row "hello.las run --engine extraction" "$(ms extraction)"
row "bwrap, the unpacked tree" "$(ms bwrap)"
row "bash alone, no sandbox" "$(ms bare)"
row "las / bwrap" "$(ratio "$(median las)" "$(median bwrap)")"
row "las, by fuse / bwrap" "$(ratio "$(median fuse)" "$(median bwrap)")"
row "las, by extraction / bwrap" "$(ratio "$(median extraction)" "$(median bwrap)")"
