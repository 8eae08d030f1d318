#!/bin/bash
# Preflight of a large graph: time and memory at 10,000 nodes, 30,000 edges and 2,000 hotspot
# files, and how the time grows from a tenth of that (linear: ten times).
. "$(dirname "$0")/lib.sh"
# Three edges to earlier nodes for each; every fifth node holds a hotspot file of its own.
shape='if (i > 3) printf "- depends_on: N-%d, N-%d, N-%d\n", i-1, int(i*2/3), int(i/3); if (i % 5 == 0) printf "- hotspot_files: `hot/h%d.txt`\n", i'
make() { git init -q "$world/$1"; bundle "$world/$1" "$1" true allow_empty "$shape"; }
make 1000; make 10000
small=$(least 5 bash -c "cd $world/1000 && $AUDITRUN preflight")
large=$(least 5 bash -c "cd $world/10000 && $AUDITRUN preflight")
memory=$(cd "$world/10000" && peak "$AUDITRUN" preflight)
verdict "preflight, 10,000 nodes: seconds" "$large" 0.5
verdict "preflight, 10,000 nodes: MiB" "$memory" 200
verdict "preflight, 10,000 nodes / ten times 1,000 nodes" "$(calc "$large / (10 * $small)")" 1.2
