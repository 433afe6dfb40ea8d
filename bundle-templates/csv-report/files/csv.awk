# What the other scripts share: reading a row of a table, and writing one as CSV.

# Splits a row into cells[1…n] at the separator, and returns n. A cell may stand in quotes: "Bosnia, and Herzegovina".
function row(line, separator, cells,    n, length_, i, c, cell, quoted) {
    sub(/\r$/, "", line)
    n = 0; cell = ""; quoted = 0; length_ = length(line)
    for (i = 1; i <= length_; i++) {
        c = substr(line, i, 1)
        if (c == "\"") {
            if (quoted && substr(line, i + 1, 1) == "\"") { cell = cell "\""; i++ }
            else quoted = !quoted
        } else if (c == separator && !quoted) { cells[++n] = cell; cell = "" }
        else cell = cell c
    }
    cells[++n] = cell
    return n
}

# A cell as CSV wants it.
function csv(cell) {
    if (cell !~ /[",\n]/) return cell
    gsub(/"/, "\"\"", cell)
    return "\"" cell "\""
}
