#!/bin/sh
# Targets against make (and ninja, just where they are installed), as ratios of the best of
# several rounds in one run on one machine. 1,000 targets with dependencies that have nothing
# to do, the same from scratch, and the cold start of a list of 20 targets.
# usage: AUDITRUN=path benches/targets.sh [ROUNDS]
set -eu
auditrun=${AUDITRUN:-$(dirname "$0")/../target/release/auditrun}
auditrun=$(realpath "$auditrun")
rounds=${1:-7}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# make_files COUNT: the same graph in every tool's language; target i needs i/2.
make_files() {
    n=$1
    mkdir -p in out
    awk -v n="$n" 'BEGIN {
        printf "target \"default\" { needs" > "audit.kdl"
        printf "all:" > "Makefile"
        print "rule cp\n  command = cp $in $out" > "build.ninja"
        for (i = 0; i < n; i++) { printf " \"t%d\"", i > "audit.kdl"; printf " out/%d", i > "Makefile" }
        print " }" > "audit.kdl"
        print "" > "Makefile"
        for (i = 0; i < n; i++) {
            p = int(i / 2)
            print i > ("in/" i)
            close("in/" i)
            need = i ? sprintf("; needs \"t%d\"", p) : ""
            after = i ? sprintf(" | out/%d", p) : ""
            printf "target \"t%d\" { inputs \"in/%d\"; outputs \"out/%d\"%s; steps \"cp in/%d out/%d\" }\n", i, i, i, need, i, i > "audit.kdl"
            printf "out/%d: in/%d%s\n\tcp in/%d out/%d\n", i, i, after, i, i > "Makefile"
            printf "build out/%d: cp in/%d%s\n", i, i, (i ? sprintf(" || out/%d", p) : "") > "build.ninja"
            printf "t%d:\n\tcp in/%d out/%d\n", i, i, i > "justfile"
        }
    }'
}

# best COMMAND…: the shortest wall time of the rounds, in microseconds.
best() {
    min=
    for _ in $(seq "$rounds"); do
        a=$(date +%s%N)
        "$@" >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
        b=$(date +%s%N)
        t=$(((b - a) / 1000))
        if [ -z "$min" ] || [ "$t" -lt "$min" ]; then min=$t; fi
    done
    echo "$min"
}

ratio() { awk -v a="$1" -v b="$2" -v n="$3" 'BEGIN { printf "%-44s %6.2f\n", n, a / b }'; }

mkdir "$dir/ours" "$dir/make" "$dir/ninja" "$dir/small"
for tool in ours make ninja; do (cd "$dir/$tool" && make_files 1000); done
(cd "$dir/ours" && git init -q)

scratch() { rm -rf out .auditrun .ninja_log .ninja_deps; mkdir out; "$@"; }
cd "$dir/ours"
ours_scratch=$(rounds=2 best scratch "$auditrun" -q -j2)
sleep 2.1 # the stats are trusted from now on
"$auditrun" -q -j2 >"$dir/log" 2>&1
ours=$(best "$auditrun" -q -j2)
cd "$dir/make"
make_scratch=$(rounds=2 best scratch make -s -j2)
theirs=$(best make -s -j2)
ratio "$ours" "$theirs" "1,000 no-op targets: auditrun / make -j2"
ratio "$ours_scratch" "$make_scratch" "1,000 copies from scratch: auditrun / make -j2"
if command -v ninja >/dev/null; then
    cd "$dir/ninja"
    scratch ninja -j2 >"$dir/log"
    ratio "$ours" "$(best ninja -j2)" "1,000 no-op targets: auditrun / ninja -j2"
fi

cd "$dir/small"
git init -q
make_files 20
ours=$(best "$auditrun" list)
ratio "$ours" "$(best make -n)" "cold start, 20 targets: list / make -n"
if command -v just >/dev/null; then
    ratio "$ours" "$(best just --list)" "cold start, 20 targets: list / just --list"
fi
