#!/bin/bash
# The memory of a long run: agents and checks that do nothing. Slow: BENCH_NODES=2000 is a sample.
. "$(dirname "$0")/lib.sh"
nodes=${BENCH_NODES:-10000}
repository "$world/r" 10
bundle "$world/r" "$nodes" true allow_empty
memory=$(cd "$world/r" && peak "$AUDITRUN" run -j 2 --quiet)
verdict "a run of $nodes nodes: MiB" "$memory" 150
