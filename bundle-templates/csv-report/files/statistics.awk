# period,name,value → three tables: one line for each name, one for each period, and the five largest side by side.

# For gnuplot, which takes tabs between cells.
function plain(cell) { gsub(/\t/, " ", cell); return cell }

NR == 1 { next }

{
    row($0, ",", cells)
    period = cells[1]; name = cells[2]; value = cells[3] + 0
    if (!(period in sum)) order[++periodCount] = period
    if (!(name in total)) { list[++count] = name; most[name] = value; when[name] = period }
    sum[period] += value
    total[name] += value
    known[name]++
    all += value
    figure[period, name] = value
    if (value > most[name]) { most[name] = value; when[name] = period }
}

END {
    # The largest first; names with the same total stay in the table's order.
    for (i = 2; i <= count; i++) {
        name = list[i]
        for (j = i - 1; j >= 1 && total[list[j]] < total[name]; j--) list[j + 1] = list[j]
        list[j + 1] = name
    }
    print "name,total,percent,average,most,when" > names
    for (i = 1; i <= count; i++) {
        name = list[i]
        printf "%s,%.10g,%.1f,%.0f,%.10g,%s\n", csv(name), total[name], all ? 100 * total[name] / all : 0, \
            total[name] / known[name], most[name], csv(when[name]) > names
    }
    print "period,sum,largest,value" > periods
    for (p = 1; p <= periodCount; p++) {
        best = ""
        for (i = 1; i <= count; i++)
            if ((order[p], list[i]) in figure && (best == "" || figure[order[p], list[i]] > figure[order[p], best])) best = list[i]
        printf "%s,%.10g,%s,%.10g\n", csv(order[p]), sum[order[p]], csv(best), figure[order[p], best] > periods
    }
    line = "period"
    for (i = 1; i <= count && i <= 5; i++) line = line "\t" plain(list[i])
    print line > largest
    for (p = 1; p <= periodCount; p++) {
        line = plain(order[p])
        for (i = 1; i <= count && i <= 5; i++)
            line = line "\t" ((order[p], list[i]) in figure ? sprintf("%.10g", figure[order[p], list[i]]) : "")
        print line > largest
    }
}
