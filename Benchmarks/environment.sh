#!/usr/bin/env bash
# An environment of python3-pandas, bwa and samtools from packages that were fetched already, against mmdebstrap with just the same
# packages: las resolves nothing (the lock is there), unpacks, configures, writes the image and the bundle, and syncs it;
# mmdebstrap leaves a folder.
. "$(dirname "$0")/ground.bash"
needs mmdebstrap mmdebstrap dpkg-scanpackages dpkg-dev apt-get apt
[ "$(id -u)" = 0 ] || { echo "skipped: mmdebstrap is compared as root"; exit 0; }
begin
metro pandas "python3-pandas, bwa, samtools"
fetched pandas
locked=$scratch/pandas/metro.lock

# An archive of just these packages on this disk, so that apt has nothing to choose and nothing to fetch.
mkdir "$scratch/archive"
for digest in $(grep -o '"sha256": "[0-9a-f]*"' "$locked" | cut -d'"' -f4 | sort -u); do
    [ ! -e "$LASH/packages/$digest.deb" ] || ln "$LASH/packages/$digest.deb" "$scratch/archive/"
done
(cd "$scratch/archive" && dpkg-scanpackages -m . > Packages 2> "$scratch/scan.log")
names=$(sed -n 's/^Package: //p' "$scratch/archive/Packages" | sort -u | paste -sd,)
suite=$(sed -n 's/.*"suite": "\([a-z]*\)".*/\1/p' "$locked" | sort | head -n 1)

# apt's hook is read by dash, which knows no descriptor above 9: none that this shell was given may take those below.
cat > "$scratch/made.sh" <<M
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
exec mmdebstrap --quiet --mode=root --format=directory --variant=custom --include=$names \\
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --aptopt='APT::Sandbox::User "root"' $suite "$scratch/made" \\
    "deb [trusted=yes] copy:$scratch/archive ./" > "$scratch/mmdebstrap.log" 2>&1
M
fail() {
    tail -n 20 "$scratch/mmdebstrap.log" | cut -c1-300 >&2
    echo "skipped: mmdebstrap fails here; las pack took $(seconds las), $(seconds las.cpu) of processors"
    exit 0
}

for _ in $(seq "$repeats"); do
    rm -rf "$LASH"/{layers,parts,made,blocks,stamps,images} "$scratch/pandas.las"
    sync -f "$scratch"
    measured las "$las" pack "$scratch/pandas" --output "$scratch/pandas.las" 2> "$scratch/told"
    for stage in unpacking configuring 'writing the image' 'writing the bundle'; do
        record "las.${stage// /}" "$(printed "$stage")"
    done
    rm -rf "$scratch/made"
    sync -f "$scratch"
    measured mmdebstrap bash "$scratch/made.sh" || fail
done
for program in bwa samtools python3; do [ -e "$scratch/made/usr/bin/$program" ] || { echo "mmdebstrap made no $program" >&2; exit 1; }; done
chroot "$scratch/made" python3 -c 'import pandas' || { echo "mmdebstrap's pandas does not work" >&2; exit 1; }

row() { printf '%-46s %9s %11s\n' "$@"; }
echo "python3-pandas, bwa and samtools: $(tr ',' '\n' <<< "$names" | wc -l) packages, $(du -sh "$scratch/made" | cut -f1), medians of $repeats"
row "" wall processors
row "las pack, from fetched packages to the bundle" "$(seconds las)" "$(seconds las.cpu)"
row "  unpacking, as las prints it" "$(seconds las.unpacking)" ""
row "  configuring (and compressing meanwhile)" "$(seconds las.configuring)" ""
row "  the image" "$(seconds las.writingtheimage)" ""
row "  the bundle" "$(seconds las.writingthebundle)" ""
row "mmdebstrap --variant=custom, to a folder" "$(seconds mmdebstrap)" "$(seconds mmdebstrap.cpu)"
row "las pack / mmdebstrap" "$(ratio "$(median las)" "$(median mmdebstrap)")" \
    "$(ratio "$(median las.cpu)" "$(median mmdebstrap.cpu)")"
