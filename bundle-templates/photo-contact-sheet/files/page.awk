# The table of photographs → a page that shows them.

function escaped(text) {
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text); gsub(/"/, "\\&quot;", text)
    return text
}

# A file's name as the address of a picture.
function address(name) {
    gsub(/%/, "%25", name); gsub(/ /, "%20", name); gsub(/#/, "%23", name); gsub(/\?/, "%3F", name)
    return escaped(name)
}

BEGIN {
    FS = "\t"
    getline title < title
    title = escaped(title)
    print "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" title "</title>\n<style>"
    print "body { background: #202020; color: #eee; font: 16px/1.4 sans-serif; margin: 2em }"
    print "td { padding: .5em 1em .5em 0; vertical-align: top } a { color: #9cf }"
    print "</style>\n</head>\n<body>\n<h1>" title "</h1>"
    print "<p>All of them on one sheet: <a href=\"contact-sheet.png\">contact-sheet.png</a></p>"
    print "<table id=\"photos\">"
}

NR > 1 {
    printf "<tr><td><img src=\"%s.jpg\" alt=\"%s\"></td>", address($1), escaped($1)
    printf "<td><b>%s</b><br>%s × %s<br>%s, %d kB</td></tr>\n", escaped($1), $2, $3, $4, ($5 + 999) / 1000
}

END { print "</table>\n</body>\n</html>" }
