#!/usr/bin/env bash
# What the bundles of two metros share that have nine of ten packages in common: extents with the same bytes, which a host or a
# registry keeps once, and which are sent once.
. "$(dirname "$0")/ground.bash"
needs od coreutils
begin
common="bowtie2, samtools, bcftools, bwa, python3-numpy"
metro one "$common, jq"
metro other "$common, sqlite3, gawk, bedtools, file, tree, bc, zip, unzip, rsync"
fetched one
"$las" pack "$scratch/one" --output "$scratch/one.las" --quiet
"$las" pack "$scratch/other" --output "$scratch/other.las" --quiet --lash "$kept"
"$las" pack "$scratch/other" --output "$scratch/other.las" --quiet

# extents BUNDLE: of its environment, a line each: digest and length.
extents() {
    local digest
    digest=$("$las" pack "$scratch/$1" --output "$scratch/$1.las" --json 2>/dev/null | tr -d ' \n' |
        sed 's/.*"digest":"\([0-9a-f]*\)","kind":"environment".*/\1/')
    tail -c +25 "$LASH/parts/$digest.extents" | od -An -v -tu4 --endian=big -w36 |
        awk '{ d = $2; for (i = 3; i <= 9; i++) d = d "." $i; print d, $1 }'
}
packages() { grep -o '"sha256": "[0-9a-f]*"' "$scratch/$1/metro.lock" | sort -u; }
extents one > "$scratch/one.extents"
extents other > "$scratch/other.extents"
packages one > "$scratch/one.packages"
packages other > "$scratch/other.packages"
# shared KIND: the share of the other one's lines that the first has too, by number.
shared() { awk 'NR == FNR { has[$1 $2] = 1; next } { all++; if ($1 $2 in has) same++ } END { printf "%.1f %%", 100 * same / all }' \
    "$scratch/one.$1" "$scratch/other.$1"; }
bytes() { awk 'NR == FNR { has[$1] = 1; next } { all += $2; if ($1 in has) same += $2 } END { printf "%.1f MB of %.1f MB, %.1f %%", same / 1e6, all / 1e6, 100 * same / all }' \
    "$scratch/one.extents" "$scratch/other.extents"; }
echo "Two metros: $common; and jq, or nine other small ones"
printf '%-46s %s\n' "packages that are the same" "$(shared packages)"
printf '%-46s %s\n' "extents that are the same" "$(shared extents)"
printf '%-46s %s\n' "bytes of the image in extents that are the same" "$(bytes)"
