#!/bin/bash
# The overhead of a node in a repository of 1,000 files against careful.sh: agents and checks that
# do nothing, one node at a time. The cost of a node is the difference between a long and a short
# run, so that neither side is charged for its start.
. "$(dirname "$0")/lib.sh"
few=${BENCH_FEW:-2} many=${BENCH_MANY:-27} files=${BENCH_FILES:-1000}
fresh() { rm -rf "$world/r"; repository "$world/r" "$files"; bundle "$world/r" "$1" "$2" "$3"; }
ours() { fresh "$1" "$2" "$3"; seconds run_bundle "$world/r" -j 1; }
theirs() { fresh "$1" "$2" "$3"; seconds "$here/careful.sh" "$world/r" "$1" "$2" true; }
cost() { calc "($("$1" "$many" "$2" "$3") - $("$1" "$few" "$2" "$3")) / ($many - $few)"; }

for case in 'true allow_empty' 'mkdir -p out; echo x >out/$AUDITRUN_NODE_ID.txt require_nonempty'; do
    agent=${case% *} signal=${case##* }
    a=$(cost ours "$agent" "$signal"); b=$(cost theirs "$agent" "$signal")
    echo "# a node ($signal): auditrun ${a} s, careful.sh ${b} s"
    verdict "node, $files files, $signal: auditrun / bash and git" "$(calc "$a / $b")" 0.25
done
