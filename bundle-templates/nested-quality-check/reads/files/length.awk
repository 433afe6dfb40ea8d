# The rows of one file of reads → its name, the reads' average length, the longest, and how many letters are N: not known.

BEGIN { FS = "\t" }
{
    letters = $2
    sum += length(letters)
    if (length(letters) > longest) longest = length(letters)
    unknown += gsub(/N/, "", letters)
}
END { printf "%s\t%.1f\t%d\t%d\n", name, NR ? sum / NR : 0, longest, unknown }
