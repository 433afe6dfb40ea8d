# Puts the title, the chart and the tables into page.html, each in the place of a line like @chart@.

function escaped(text) {
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text); gsub(/"/, "\\&quot;", text)
    return text
}

# 1234567 → 1,234,567
function number(text,    whole, rest) {
    rest = text; sub(/^-?[0-9]+/, "", rest)
    whole = substr(text, 1, length(text) - length(rest))
    while (match(whole, /[0-9][0-9][0-9][0-9](,|$)/))
        whole = substr(whole, 1, RSTART) "," substr(whole, RSTART + 1)
    return whole rest
}

function text(path,    line) { while ((getline line < path) > 0) print escaped(line); close(path) }

# The picture alone, without the lines that belong to a file of its own.
function picture(path,    line, begun) {
    while ((getline line < path) > 0) { if (line ~ /<svg/) begun = 1; if (begun) print line }
    close(path)
}

# A table of CSV. Periods are no figures, even where they are years.
function rows(path,    line, n, i, cells, first, heads) {
    first = 1
    while ((getline line < path) > 0) {
        n = row(line, ",", cells)
        printf "<tr>"
        for (i = 1; i <= n; i++) {
            if (first) { heads[i] = cells[i]; printf "<th>%s</th>", escaped(cells[i]) }
            else if (heads[i] ~ /^(total|percent|average|most|sum|value)$/) printf "<td class=\"number\">%s</td>", number(cells[i])
            else printf "<td>%s</td>", escaped(cells[i])
        }
        print "</tr>"
        first = 0
    }
    close(path)
}

/^@title@$/ { text(title); next }
/^@source@$/ { text(source); next }
/^@chart@$/ { picture(chart); next }
/^@names@$/ { rows(names); next }
/^@periods@$/ { rows(periods); next }
/^@problems@$/ { rows(problems); next }
{ print }
