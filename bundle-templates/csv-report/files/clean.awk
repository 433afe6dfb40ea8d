# A table as people publish it → a table that programs can work with: one line for each figure, period,name,value.
#
# Takes: a first row with the names of the columns, then rows that begin with their period. Cells are separated by tabs,
# semicolons or commas. Lines that begin with # are notes. “-”, “NA”, “n/a”, “:” and nothing at all mean: not known.
# A column called TOTAL is not one of the figures; it is held against their sum, and what does not add up is told.

BEGIN {
    print "period,name,value" > table
    print "period,name,problem" > problems
}

/^[ \t]*#/ || /^[ \t\r]*$/ { next }

!separator {
    separator = index($0, "\t") ? "\t" : index($0, ";") ? ";" : ","
    columns = row($0, separator, names)
    for (i = 1; i <= columns; i++) { gsub(/_/, " ", names[i]); gsub(/^ +| +$/, "", names[i]) }
    next
}

{
    found = row($0, separator, cells)
    period = cells[1]
    gsub(/^ +| +$/, "", period)
    sum = 0; total = ""
    for (i = 2; i <= columns; i++) {
        if (names[i] == "") continue            # the empty column behind a tab at the end of each line
        value = i <= found ? cells[i] : ""
        gsub(/^ +| +$/, "", value)
        if (tolower(names[i]) == "total") total = value
        else if (value == "" || value == "-" || value == ":" || tolower(value) == "na" || tolower(value) == "n/a")
            print csv(period) "," csv(names[i]) ",not known" > problems
        else if (value !~ /^-?[0-9]+(\.[0-9]+)?$/)
            print csv(period) "," csv(names[i]) "," csv("“" value "” is not a number; left out") > problems
        else {
            print csv(period) "," csv(names[i]) "," value > table
            sum += value
        }
    }
    if (total != "" && total + 0 != sum)
        print csv(period) ",TOTAL," csv(sprintf("the table says %s, its columns make %.10g", total, sum)) > problems
}
