#!/bin/bash
# Targets against make, and against ninja and just where they are installed: 1,000 targets with
# dependencies that have nothing to do, the same from scratch, and the start of a list of 20.
. "$(dirname "$0")/lib.sh"

# graph DIR COUNT: the same work in every tool's language; target i comes after i/2.
graph() {
    mkdir -p "$1/in" "$1/out"
    git init -q "$1"
    awk -v n="$2" -v dir="$1/" 'BEGIN {
        kdl = dir "audit.kdl"; mk = dir "Makefile"; nj = dir "build.ninja"; just = dir "justfile"
        printf "target \"default\" { needs" > kdl
        printf "all:" > mk
        print "rule cp\n  command = cp $in $out" > nj
        for (i = 0; i < n; i++) { printf " \"t%d\"", i > kdl; printf " out/%d", i > mk }
        print " }" > kdl
        print "" > mk
        for (i = 0; i < n; i++) {
            p = int(i / 2); input = dir "in/" i
            print i > input; close(input)
            printf "target \"t%d\" { inputs \"in/%d\"; outputs \"out/%d\"%s; steps \"cp in/%d out/%d\" }\n", i, i, i, (i ? sprintf("; needs \"t%d\"", p) : ""), i, i > kdl
            printf "out/%d: in/%d%s\n\tcp in/%d out/%d\n", i, i, (i ? sprintf(" | out/%d", p) : ""), i, i > mk
            printf "build out/%d: cp in/%d%s\n", i, i, (i ? sprintf(" || out/%d", p) : "") > nj
            printf "t%d:\n\tcp in/%d out/%d\n", i, i, i > just
        }
    }'
}

within() { (cd "$1" && shift && "$@" >/dev/null); }
fresh() { (cd "$1" && shift && rm -rf out .auditrun .ninja_log .ninja_deps && mkdir out && "$@" >/dev/null); }
installed() { command -v "$1" >/dev/null; }

for tool in ours make ninja; do graph "$world/$tool" 1000; done
ours=$(least 3 fresh "$world/ours" "$AUDITRUN" -q -j2)
theirs=$(least 3 fresh "$world/make" make -s -j2)
verdict "1,000 copies from scratch / make -j2" "$(calc "$ours / $theirs")" 1
sleep 2.1 # From now on a look at a file's stat is enough.
within "$world/ours" "$AUDITRUN" -q -j2
ours=$(least 7 within "$world/ours" "$AUDITRUN" -q -j2)
theirs=$(least 7 within "$world/make" make -s -j2)
verdict "1,000 no-op targets / make -j2" "$(calc "$ours / $theirs")" 1
if installed ninja; then
    fresh "$world/ninja" ninja -j2
    verdict "1,000 no-op targets / ninja -j2" "$(calc "$ours / $(least 7 within "$world/ninja" ninja -j2)")" 1.5
fi

# Starts are short, so twenty of them are one measurement.
many() { for _ in $(seq 20); do "$@"; done; }
graph "$world/small" 20
ours=$(least 5 within "$world/small" many "$AUDITRUN" list)
verdict "auditrun list, 20 targets / make -n" "$(calc "$ours / $(least 5 within "$world/small" many make -n)")" 1.5
if installed just; then
    theirs=$(least 5 within "$world/small" many just --list)
    verdict "auditrun list, 20 targets / just --list" "$(calc "$ours / $theirs")" 1.5
fi
