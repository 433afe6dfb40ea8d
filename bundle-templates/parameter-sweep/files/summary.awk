# Several outbreaks → one line: percent vaccinated, and how many caught it: on average, at least, at most.

NR == 1 { least = most = $1 }
{ sum += $1; if ($1 < least) least = $1; if ($1 > most) most = $1 }
END { printf "%s\t%.1f\t%d\t%d\n", percent, sum / NR, least, most }
