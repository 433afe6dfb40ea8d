#!/usr/bin/env bash
# Writing the image of an environment of 2 GB from layers that are there already, against mksquashfs of the same tree; packing
# again after an edit, against copying the bundle; packing again with one package more.
. "$(dirname "$0")/ground.bash"
needs mksquashfs squashfs-tools unsquashfs squashfs-tools zstd zstd tar tar
begin
metro large "$large"
metro more "$large, hello"
metro small "samtools"
# Layers are made there, so that only packing is measured; the lock of the larger one keeps what both have.
layered large more small
bundle=$scratch/large.las
unpack "$bundle" "$scratch/tree"
tar -C "$scratch/tree" --sort=name -cf "$scratch/tree.tar" .
# A host where nobody listens: las deploy packs, and then finds nobody.
"$las" host add nowhere "$(id -un)@127.0.0.1:1" --unchecked --quiet

image='writing the image of the environment'
# Both read from memory: what was read longer ago may have left it.
warm() { find "$1" -type f -print0 | xargs -0 cat > /dev/null; }
forget() { rm -rf "$LASH/parts" "$LASH/made" "$LASH/blocks" "$LASH/stamps"; }   # packages and layers stay

for turn in $(seq "$repeats"); do
    forget
    rm -f "$scratch/cold.las"
    warm "$LASH/layers"
    sync -f "$scratch"
    measured las "$las" pack "$scratch/large" --output "$scratch/cold.las" 2> "$scratch/told"
    record las.image "$(printed "$image")"

    rm -f "$scratch/image"
    warm "$scratch/tree"
    sync -f "$scratch"
    measured mksquashfs mksquashfs "$scratch/tree" "$scratch/image" -comp zstd -Xcompression-level 3 -b 131072 \
        -noappend -no-progress -processors "$(nproc)" > "$scratch/mksquashfs.out"

    # What the machine gives at most: two threads that compress and do nothing else.
    timed zstd zstd -q -3 -T2 -c "$scratch/tree.tar" > /dev/null

    rm -f "$LASH/parts"/* "$LASH/made"/* "$scratch/more.las"
    "$las" pack "$scratch/large" --output "$scratch/cold.las" --quiet
    sync -f "$scratch"
    measured more "$las" pack "$scratch/more" --output "$scratch/more.las" 2> "$scratch/told"
    record more.image "$(printed "$image")"
    # The same once more, when nothing is left to compress: not its configured layer either.
    rm -f "$LASH/parts"/* "$LASH/made"/* "$scratch/more.las"
    sync -f "$scratch"
    "$las" pack "$scratch/more" --output "$scratch/more.las" 2> "$scratch/told"
    record more.joining "$(printed "$image")"
    "$las" pack "$scratch/large" --output "$scratch/cold.las" --quiet

    echo "# edited $turn" >> "$scratch/large/files/bin/say"
    rm -f "$scratch/again.las"
    sync -f "$scratch"
    measured again "$las" pack "$scratch/large" --output "$scratch/again.las" --quiet
    rm -f "$scratch/copy.las"
    sync -f "$scratch"
    measured copy bash -c 'cp --reflink=auto "$1" "$2" && sync "$2"' - "$scratch/again.las" "$scratch/copy.las"

    echo "# edited again $turn" >> "$scratch/large/files/bin/say"
    measured deploy "$las" deploy "$scratch/large" --host nowhere > /dev/null 2> "$scratch/told" || true
    grep -q 127.0.0.1 "$scratch/told" || { cat "$scratch/told" >&2; exit 1; }
    sed -i '/^# edited/d' "$scratch/large/files/bin/say"
done
cmp "$scratch/cold.las" "$bundle" || { echo "image.sh: the bundle is not the same each time" >&2; exit 1; }
forget
measured small "$las" pack "$scratch/small" --output "$scratch/small.las" --quiet

las_size=$("$las" pack "$scratch/large" --output "$scratch/cold.las" --json 2>/dev/null | tr -d ' \n' |
    sed 's/.*"kind":"environment","name":"[^"]*","size":\([0-9]*\).*/\1/')
size=$(stat -c %s "$scratch/image")
bytes=$(stat -c %s "$scratch/tree.tar")
row() { printf '%-46s %9s %11s %9s %9s\n' "$@"; }
mib() { awk -v k="$(median "$1.peak")" 'BEGIN { printf "%.0f MiB", k / 1024 }'; }
mb() { awk -v b="$1" 'BEGIN { printf "%.1f MB", b / 1e6 }'; }
of() { ratio "$(median "$1")" "$(median "$2")"; }
share() { awk -v b="$bytes" -v s="$(median "$1")" -v z="$(median zstd)" 'BEGIN { printf "%.0f MB/s, %.2f", b / s / 1e6, z / s }'; }
echo "An environment of $(du -sh "$scratch/tree" | cut -f1) in $(find "$scratch/tree" | wc -l) files, zstd 3, 128 KiB, $(nproc) cores, medians of $repeats"
row "" wall processors peak size
row "las pack, cold (digests, bundle, fsync)" "$(seconds las)" "$(seconds las.cpu)" "$(mib las)" "$(mb "$las_size")"
row "  its image alone, as las prints it" "$(seconds las.image)" "" "" ""
row "mksquashfs" "$(seconds mksquashfs)" "$(seconds mksquashfs.cpu)" "$(mib mksquashfs)" "$(mb "$size")"
row "las pack / mksquashfs" "$(of las mksquashfs)" "$(of las.cpu mksquashfs.cpu)" "$(of las.peak mksquashfs.peak)" \
    "$(ratio "$las_size" "$size")"
row "  the image alone / mksquashfs" "$(of las.image mksquashfs)" "" "" ""
row "las pack of a small environment ($(du -sm "$scratch/small.las" | cut -f1) MB)" "$(seconds small)" "$(seconds small.cpu)" "$(mib small)" ""
row "las pack, one small package more" "$(seconds more)" "$(seconds more.cpu)" "$(mib more)" ""
row "  its image alone / mksquashfs" "$(of more.image mksquashfs)" "" "" ""
row "  without compressing its configured layer" "$(of more.joining mksquashfs)" "" "" ""
row "las pack, a script edited ($(mb "$(stat -c %s "$scratch/again.las")"))" "$(seconds again)" "$(seconds again.cpu)" "$(mib again)" ""
row "cp and fsync of the bundle" "$(seconds copy)" "$(seconds copy.cpu)" "" ""
row "  las pack / cp and fsync" "$(of again copy)" "$(of again.cpu copy.cpu)" "" ""
row "las deploy, a script edited, until it connects" "$(seconds deploy)" "$(seconds deploy.cpu)" "" ""
echo "Bytes of the tree a second, and the share of zstd -3 -T2 ($(share zstd | cut -d, -f1)) of the same tree:"
echo "  the image alone $(share las.image); las pack $(share las); mksquashfs $(share mksquashfs)"
