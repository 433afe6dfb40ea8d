# A whole outbreak, or several: how many caught it in all, and on which day nobody was ill any more.
# percent: how many of those that were never ill are vaccinated before it begins.

END {
    start_healthy = healthy; start_ill = ill; start_immune = immune; start_day = number
    for (time = 0; time < (times ? times : 1); time++) {
        vaccinated = int(start_healthy * percent / 100)
        healthy = start_healthy - vaccinated; ill = start_ill; immune = start_immune + vaccinated; number = start_day
        while (ill > 0) next_day(contacts)
        print people - healthy - start_immune - vaccinated "\t" number
    }
}
