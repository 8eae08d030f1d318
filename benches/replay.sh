#!/bin/bash
# A history of 500 nodes, four at a time: each agent writes a file in a tenth of a second and each
# check takes a twentieth. Compared with what agents and checks need alone: the longest of the
# critical path, the total over four lanes, and the landings' retests, which come one at a time.
. "$(dirname "$0")/lib.sh"
nodes=${BENCH_NODES:-500} agent=${BENCH_AGENT:-0.10} check=${BENCH_CHECK:-0.05}
repository "$world/r" 1000
bundle "$world/r" "$nodes" "sleep $agent; mkdir -p out; echo x >out/\$AUDITRUN_NODE_ID.txt" require_nonempty \
    'if (i >= 20) printf "- depends_on: N-%d\n", i - 20'
sed -i "s|<check>true</check>|<check>sleep $check</check>|" "$world"/r/docs/audit/prompts/*.md
git -C "$world/r" commit -qam "checks that take time"
whole=$(seconds run_bundle "$world/r" -j 4)
journal=$world/r/docs/audit/runs/events.jsonl
retests=$(grep -c '"phase":"retest"' "$journal" || true)
tiers=$(calc "int(($nodes + 19) / 20)")
# The proof runs every check once more, one after the other in one worktree.
bound=$(awk -v n="$nodes" -v a="$agent" -v c="$check" -v r="$retests" -v t="$tiers" 'BEGIN {
    path = t * (a + c); lanes = n * (a + c) / 4 + r * c / 4; landings = r * c
    most = path; if (lanes > most) most = lanes; if (landings > most) most = landings
    printf "%.4f", most + n * c }')
echo "# $nodes nodes, $retests retests: $whole s, bound $bound s (the proof's checks are $(calc "$nodes * $check") s of it)"
verdict "replay of $nodes nodes, -j4 / agents and checks alone" "$(calc "$whole / $bound")" 1.3
