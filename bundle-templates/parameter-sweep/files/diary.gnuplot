# The town day by day. ARG1 is the table.
set terminal svg noenhanced size 720,420 font "sans-serif,13" background "white"
set key top right
set grid linecolor "#dddddd"
set border 3
set xtics nomirror
set ytics nomirror
set yrange [0:*]
set xlabel "day"
set ylabel "people"
plot ARG1 skip 1 using 1:2 with lines linewidth 2 linecolor "#0072b2" title "never ill", \
    ARG1 skip 1 using 1:4 with lines linewidth 2 linecolor "#009e73" title "immune", \
    ARG1 skip 1 using 1:3 with lines linewidth 3 linecolor "#d55e00" title "ill"
