# How many fall ill, over how many are vaccinated: the average, and between the least and the most. ARG1 is the table.
set terminal svg noenhanced size 720,420 font "sans-serif,13" background "white"
set key top right
set grid linecolor "#dddddd"
set border 3
set xtics nomirror
set ytics nomirror
set yrange [0:*]
set xlabel "vaccinated, percent"
set ylabel "fall ill"
plot ARG1 skip 1 using 1:3:4 with filledcurves linecolor "#cfe3f2" title "least to most of 20 outbreaks", \
    ARG1 skip 1 using 1:2 with linespoints linewidth 2 linecolor "#0072b2" pointtype 7 pointsize 0.6 title "average"
