#!/usr/bin/env bash
# Writing the image of an environment from layers that are there already, against mksquashfs of the same tree; packing again
# after an edit, against copying the bundle; packing again with one package more.
. "$(dirname "$0")/ground.bash"
needs mksquashfs squashfs-tools unsquashfs squashfs-tools
begin
template lambda-variants
unpack "$scratch/lambda-variants.las" "$scratch/tree"
more=$scratch/more
cp -a "$scratch/lambda-variants" "$more"
sed -i 's/\(debian: \[[^]]*\)\]/\1, hello]/' "$more/metro.yml"
rm -f "$more/metro.lock"
"$las" pack "$more" --output "$scratch/more.las" --quiet          # fetched and configured, so that only packing is measured

printed() { sed -n "s/.*$1.*(\([0-9.]*\) s)\$/\1/p" "$scratch/told" | tail -n 1 | grep . || echo 0; }

for turn in $(seq "$repeats"); do
    # The image, its blocks and what remembers them go; packages and layers stay.
    rm -rf "$LASH/parts" "$LASH/made" "$LASH/blocks" "$scratch/cold.las"
    sync -f "$scratch"
    timed las peak "$scratch/peak" "$las" pack "$scratch/lambda-variants" --output "$scratch/cold.las" 2> "$scratch/told"
    record las.peak "$(tail -n 1 "$scratch/peak" 2>/dev/null || echo 0)"
    record las.image "$(printed 'writing the image of the environment')"

    rm -f "$scratch/image"
    sync -f "$scratch"
    timed mksquashfs peak "$scratch/peak" mksquashfs "$scratch/tree" "$scratch/image" -comp zstd -Xcompression-level 3 -b 131072 \
        -noappend -no-progress -processors "$(nproc)" > "$scratch/mksquashfs.out"
    record mksquashfs.peak "$(tail -n 1 "$scratch/peak" 2>/dev/null || echo 0)"

    rm -f "$scratch/more.las"
    sync -f "$scratch"
    timed more "$las" pack "$more" --output "$scratch/more.las" 2> "$scratch/told"
    record more.image "$(printed 'writing the image of the environment')"

    echo "# edited $turn" >> "$scratch/lambda-variants/metro.yml"
    rm -f "$scratch/again.las"
    sync -f "$scratch"
    timed again "$las" pack "$scratch/lambda-variants" --output "$scratch/again.las" --quiet
    rm -f "$scratch/copy.las"
    sync -f "$scratch"
    timed copy bash -c 'cp --reflink=auto "$1" "$2" && sync "$2"' - "$scratch/again.las" "$scratch/copy.las"
    sed -i '$d' "$scratch/lambda-variants/metro.yml"
done
cmp "$scratch/cold.las" "$scratch/lambda-variants.las" || { echo "image.sh: the bundle is not the same each time" >&2; exit 1; }

las_size=$("$las" pack "$scratch/lambda-variants" --output "$scratch/cold.las" --json 2>/dev/null | tr -d ' \n' |
    sed 's/.*"kind":"environment","name":"[^"]*","size":\([0-9]*\).*/\1/')
size=$(stat -c %s "$scratch/image")
row() { printf '%-42s %10s %14s %14s\n' "$@"; }
mib() { awk -v k="$1" 'BEGIN { printf "%.0f MiB", k / 1024 }'; }
mb() { awk -v b="$1" 'BEGIN { printf "%.1f MB", b / 1e6 }'; }
echo "The environment of lambda-variants ($(du -sh "$scratch/tree" | cut -f1) unpacked), zstd 3, 128 KiB, $(nproc) cores, medians of $repeats"
row "" wall "peak memory" "image's size"
row "las pack, cold (digests, bundle, fsync)" "$(seconds las)" "$(mib "$(median las.peak)")" "$(mb "$las_size")"
row "  its image alone, as las prints it" "$(seconds las.image)" "" ""
row "mksquashfs" "$(seconds mksquashfs)" "$(mib "$(median mksquashfs.peak)")" "$(mb "$size")"
row "las pack / mksquashfs" "$(ratio "$(median las)" "$(median mksquashfs)")" \
    "$(ratio "$(median las.peak)" "$(median mksquashfs.peak)")" "$(ratio "$las_size" "$size")"
row "  the image alone / mksquashfs" "$(ratio "$(median las.image)" "$(median mksquashfs)")" "" ""
row "las pack, one small package more" "$(seconds more)" "" ""
row "  its image alone, as las prints it" "$(seconds more.image)" "" ""
row "  the image alone / mksquashfs" "$(ratio "$(median more.image)" "$(median mksquashfs)")" "" ""
row "las pack, after an edit" "$(seconds again)" "" ""
row "cp and fsync of the bundle" "$(seconds copy)" "" ""
row "las pack, after an edit / cp and fsync" "$(ratio "$(median again)" "$(median copy)")" "" ""
