# One more day at the end of the town's file. calendar: a file of days on which people meet fewer others.

BEGIN {
    while (calendar && (getline line < calendar) > 0) {
        sub(/#.*/, "", line)
        if (split(line, words) == 3) { from[++entries] = words[1]; to[entries] = words[2]; then[entries] = words[3] }
    }
}

{ print whole }

END {
    meets = contacts
    for (i = 1; i <= entries; i++) if (number + 1 >= from[i] && number + 1 <= to[i]) meets = then[i]
    next_day(meets)
    print "day", number, healthy, ill, immune
}
