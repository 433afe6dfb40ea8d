# The reports of the metros → one page, a table for each of them.

function escaped(text) {
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
    return text
}

BEGIN {
    FS = "\t"
    print "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Quality check</title>\n<style>"
    print "body { font: 16px/1.5 sans-serif; margin: 2em } td, th { padding: .2em 1em .2em 0; text-align: left }"
    print ".good { color: #060 } .look { color: #a00 }"
    print "</style>\n</head>\n<body>\n<h1>Quality check</h1>"
}

FNR == 1 {
    if (NR > 1) print "</table>"
    what = FILENAME ~ /\/reads\// ? "reads" : "tables"
    print "<h2>" what "</h2>\n<table id=\"" what "\">"
}

{
    printf "<tr class=\"%s\">", FNR == 1 ? "head" : $NF == "good" ? "good" : "look"
    for (i = 1; i <= NF; i++) printf FNR == 1 ? "<th>%s</th>" : "<td>%s</td>", escaped($i)
    print "</tr>"
}

END { print "</table>\n</body>\n</html>" }
