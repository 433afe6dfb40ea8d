# One table → one line: its name, rows and columns, and “good” or what is not as the rules want it.

BEGIN {
    FS = "\t"
    while ((getline line < rules) > 0) if (split(line, words, " ") == 2) rule[words[1]] = words[2]
}

{
    sub(/\r$/, "")
    if (NF > columns) columns = NF
    width[NF]++
    for (i = 1; i <= NF; i++) if ($i ~ /^ *$/) empty++
    if (seen[$0]++) twice++
}

function found(count, what) {
    if (count) problems = problems (problems ? ", " : "") count " " what
}

END {
    if (NR < rule["least-rows"]) found(NR, "rows only")
    found(NR - width[columns], "shorter rows")
    if (rule["empty-cells"] == "no") found(empty, "empty cells")
    if (rule["rows-twice"] == "no") found(twice, "rows twice")
    print name "\t" NR "\t" columns + 0 "\t" (problems ? problems : "good")
}
