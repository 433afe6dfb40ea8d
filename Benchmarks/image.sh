#!/usr/bin/env bash
# Writing the image of an environment from layers that are there already, against mksquashfs of the same tree.
. "$(dirname "$0")/ground.bash"
needs mksquashfs squashfs-tools unsquashfs squashfs-tools
begin
template lambda-variants
unpack "$scratch/lambda-variants.las" "$scratch/tree"

for _ in $(seq "$repeats"); do
    # The image and what remembers it go; packages and layers stay.
    rm -rf "$LASH/parts" "$LASH/made" "$scratch/cold.las"
    sync -f "$scratch"
    timed las peak "$scratch/peak" "$las" pack "$scratch/lambda-variants" --output "$scratch/cold.las" 2> "$scratch/told"
    record las.peak "$(tail -n 1 "$scratch/peak" 2>/dev/null || echo 0)"
    record las.image "$(sed -n 's/.*writing the image of the environment .*(\([0-9.]*\) s)$/\1/p' "$scratch/told" | grep . || echo 0)"

    rm -f "$scratch/image"
    sync -f "$scratch"
    timed mksquashfs peak "$scratch/peak" mksquashfs "$scratch/tree" "$scratch/image" -comp zstd -Xcompression-level 3 -b 131072 \
        -noappend -no-progress -processors "$(nproc)" > "$scratch/mksquashfs.out"
    record mksquashfs.peak "$(tail -n 1 "$scratch/peak" 2>/dev/null || echo 0)"
done
cmp "$scratch/cold.las" "$scratch/lambda-variants.las" || { echo "image.sh: the bundle is not the same each time" >&2; exit 1; }

las_size=$("$las" pack "$scratch/lambda-variants" --output "$scratch/cold.las" --json 2>/dev/null | tr -d ' \n' |
    sed 's/.*"kind":"environment","name":"[^"]*","size":\([0-9]*\).*/\1/')
size=$(stat -c %s "$scratch/image")
row() { printf '%-34s %10s %14s %14s\n' "$@"; }
mib() { awk -v k="$1" 'BEGIN { printf "%.0f MiB", k / 1024 }'; }
mb() { awk -v b="$1" 'BEGIN { printf "%.1f MB", b / 1e6 }'; }
echo "The environment of lambda-variants ($(du -sh "$scratch/tree" | cut -f1) unpacked), zstd 3, 128 KiB, $(nproc) cores, medians of $repeats"
row "" wall "peak memory" "image's size"
row "las pack (also digests, bundle)" "$(seconds las)" "$(mib "$(median las.peak)")" "$(mb "$las_size")"
row "  its image alone, as las prints it" "$(seconds las.image)" "" ""
row "mksquashfs" "$(seconds mksquashfs)" "$(mib "$(median mksquashfs.peak)")" "$(mb "$size")"
row "las pack / mksquashfs" "$(ratio "$(median las)" "$(median mksquashfs)")" \
    "$(ratio "$(median las.peak)" "$(median mksquashfs.peak)")" "$(ratio "$las_size" "$size")"
