#!/usr/bin/env bash
# Reading, checking and planning a metro of 2,000 and of 20,000 stations, against Snakemake's dry run of the same graph.
# LAS_BENCH_SNAKEMAKE=20000 lets Snakemake do the large one as well: that takes most of an hour.
. "$(dirname "$0")/ground.bash"
needs python3 python3
begin
small=2000 large=20000
per_line=100

# Lines of 100 stations. Each station takes what the one before made; the first of a line takes of the line before, and every tenth
# one of another line, too.
graph() { # STATIONS: number, then the numbers of those that it takes, each on one line
    awk -v stations="$1" -v line="$per_line" 'BEGIN {
        for (n = 0; n < stations; n++) {
            takes = ""
            if (n % line) takes = n - 1
            else if (n) takes = n - int(line / 2)
            if (n % 10 == 5 && n > line) takes = takes " " (n * 7919) % (n - n % line)
            print n, takes
        }
    }'
}

metro() { # STATIONS FILE
    {
        printf 'metro: graph-of-%d\ninputs:\n  start: { text: "1" }\nlines:\n' "$1"
        graph "$1" | awk -v line="$per_line" '{
            if ($1 % line == 0) print "  line-" $1 / line ":"
            takes = NF > 1 ? "s" $2 : "start"
            for (i = 3; i <= NF; i++) takes = takes ", s" $i
            print "    - station: s" $1
            print "      in: [" takes "]"
            print "      command: cat {in} | sort -u > {out}"
            print "      out: s" $1 ".txt"
        }'
    } > "$2"
}

snakefile() { # STATIONS FILE
    {
        graph "$1" | awk '{ for (i = 2; i <= NF; i++) taken[$i] = 1; last = $1 }
            END {
                print "rule all:\n    input:"
                for (n = 0; n <= last; n++) if (!(n in taken)) print "        \"s" n ".txt\","
                print ""
            }'
        graph "$1" | awk '{
            takes = NF > 1 ? "" : "\"start.txt\""
            for (i = 2; i <= NF; i++) takes = takes (i > 2 ? ", " : "") "\"s" $i ".txt\""
            print "rule s" $1 ":\n    input: " takes "\n    output: \"s" $1 ".txt\""
            print "    shell: \"cat {input} | sort -u > {output}\"\n"
        }'
    } > "$2"
}

for stations in $small $large; do
    mkdir -p "$scratch/$stations"
    metro "$stations" "$scratch/$stations/metro.yml"
    snakefile "$stations" "$scratch/$stations/Snakefile"
    echo 1 > "$scratch/$stations/start.txt"
done

# processor NAME COMMAND…: records the seconds of processor that it took, which other work on the machine changes less than the
# seconds on the clock.
processor() {
    local name=$1 TIMEFORMAT='%U %S' taken
    shift
    { taken=$({ time "$@" > "$scratch/told" 2>&1; } 2>&1); } || { cat "$scratch/told" >&2; return 1; }
    record "$name" "$(awk '{ print $1 + $2 }' <<< "$taken")"
}

for _ in $(seq $repeats); do
    for stations in $small $large; do
        processor "check-$stations" "$las" check "$scratch/$stations"
        processor "plan-$stations" "$las" plan "$scratch/$stations"
    done
done
for stations in $small $large; do
    peak "$scratch/peak-$stations" "$las" plan "$scratch/$stations" > "$scratch/told"
    grep -q "^  s$((stations - 1)) " "$scratch/told"
done

row() { printf '%-50s %12s\n' "$@"; }
mib() { awk '{ printf "%.0f MiB", $1 / 1024 }' "$scratch/peak-$1" 2>/dev/null || echo -; }
echo "Read, checked and planned: lines of $per_line stations, seconds of processor, medians of $repeats"
for stations in $small $large; do
    row "las check, $stations stations" "$(seconds "check-$stations")"
    row "las plan, $stations stations" "$(seconds "plan-$stations")"
    row "  peak memory" "$(mib "$stations")"
done
row "las plan, $large / $small" "$(ratio "$(median "plan-$large")" "$(median "plan-$small")")"

# Snakemake comes from PyPI, into a folder that is removed afterwards.
if ! python3 -m venv "$scratch/venv" > "$scratch/pip.out" 2>&1 ||
    ! "$scratch/venv/bin/pip" install -q --disable-pip-version-check snakemake > "$scratch/pip.out" 2>&1; then
    echo "skipped: Snakemake could not be installed (python3-venv and PyPI are needed): $(tail -n 1 "$scratch/pip.out")"
    exit 0
fi
snakemake=$scratch/venv/bin/snakemake
dry_run() { (cd "$scratch/$1" && HOME=$scratch XDG_CACHE_HOME=$scratch/cache "$snakemake" -n -q --cores 1); }
echo "Snakemake $("$snakemake" --version), dry run of the same graph"
for stations in $small ${LAS_BENCH_SNAKEMAKE:-}; do
    processor "snakemake-$stations" dry_run "$stations"
    row "snakemake -n, $stations rules" "$(seconds "snakemake-$stations")"
    row "las plan / snakemake -n, $stations" \
        "$(awk -v a="$(median "plan-$stations")" -v b="$(median "snakemake-$stations")" 'BEGIN { printf "%.4f", a / b }')"
done
