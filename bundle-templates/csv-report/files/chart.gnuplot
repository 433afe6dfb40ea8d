# The five largest over the periods, as lines. ARG1 is the table; the picture goes to where gnuplot prints.
set terminal svg noenhanced size 760,400 font "sans-serif,13" background "white"
set datafile separator tab
set key outside right top
set grid ytics linecolor "#dddddd"
set border 3
set xtics nomirror rotate by -30
set ytics nomirror
set yrange [0:*]
set format y '%.0f'
set offsets 0.2, 0.2, 0, 0
set linetype 1 linecolor '#d55e00'
set linetype 2 linecolor '#0072b2'
set linetype 3 linecolor '#333333'
set linetype 4 linecolor '#009e73'
set linetype 5 linecolor '#cc79a7'
columns = int(system("head -n 1 '" . ARG1 . "' | tr -cd '\\t' | wc -c")) + 1
plot for [i = 2:columns] ARG1 using i:xtic(1) with linespoints linewidth 2 pointtype 7 pointsize 0.6 title columnheader(i)
