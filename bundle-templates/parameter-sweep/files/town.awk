# A town of town.txt, and what one day does to it: a part of the others' scripts.
#
# Everybody who was never ill meets some people; each of these may be ill, and each meeting with somebody ill may infect.
# Everybody who is ill may become well, and is then immune.

BEGIN { srand(seed) }

{ whole = $0; sub(/#.*/, "") }
$1 == "people" { people = $2 }
$1 == "contacts" { contacts = $2 }
$1 == "risk" { risk = $2 }
$1 == "illness" { illness = $2 }
$1 == "day" { number = $2; healthy = $3; ill = $4; immune = $5 }

function next_day(contacts,    catches, infected, well, i) {
    catches = 1 - (1 - risk) ^ (contacts * ill / people)
    infected = well = 0
    for (i = 0; i < healthy; i++) if (rand() < catches) infected++
    for (i = 0; i < ill; i++) if (rand() < 1 / illness) well++
    number++
    healthy -= infected; ill += infected - well; immune += well
}
