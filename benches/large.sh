#!/bin/bash
# The overhead of a node in a repository of 50,000 files against `git worktree add` alone.
. "$(dirname "$0")/lib.sh"
few=${BENCH_FEW:-2} many=${BENCH_MANY:-12} files=${BENCH_FILES:-50000}
repository "$world/plain" "$files"
add() { git -C "$world/plain" worktree add -q --detach "$world/w-$1" HEAD; }
b=$(for n in 1 2 3; do seconds add "$n"; echo; rm -rf "$world/w-$n"; done | sort -g | head -1)
git -C "$world/plain" worktree prune
cost() { rm -rf "$world/r"; cp -a "$world/plain" "$world/r"; bundle "$world/r" "$1" "$2" "$3"; seconds run_bundle "$world/r" -j 1; }
for case in 'true allow_empty' 'mkdir -p out; echo x >out/$AUDITRUN_NODE_ID.txt require_nonempty'; do
    agent=${case% *} signal=${case##* }
    a=$(calc "($(cost "$many" "$agent" "$signal") - $(cost "$few" "$agent" "$signal")) / ($many - $few)")
    echo "# a node ($signal): auditrun ${a} s, git worktree add ${b} s"
    verdict "node, $files files, $signal: auditrun / git worktree add" "$(calc "$a / $b")" 0.333
done
