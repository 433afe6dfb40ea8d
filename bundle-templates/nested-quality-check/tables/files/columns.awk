# A table → for each column of numbers: the table's name, the column's number, the least and the most.

BEGIN { FS = "\t" }
{
    for (i = 1; i <= NF; i++)
        if ($i ~ /^-?[0-9]+(\.[0-9]+)?$/) {
            if (!(i in least) || $i + 0 < least[i]) least[i] = $i + 0
            if (!(i in most) || $i + 0 > most[i]) most[i] = $i + 0
        }
    if (NF > columns) columns = NF
}
END { for (i = 1; i <= columns; i++) if (i in least) printf "%s\t%d\t%.10g\t%.10g\n", name, i, least[i], most[i] }
