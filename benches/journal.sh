#!/bin/bash
# What making the journal durable costs: the time that the harness spends in fdatasync of
# events.jsonl, as a part of a run whose agents and checks do nothing. Needs strace.
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || { echo "# journal: skipped, no strace"; exit 0; }
nodes=${BENCH_NODES:-50}
repository "$world/r" 1000
bundle "$world/r" "$nodes" true allow_empty
# One process is traced (not its children) and only for these calls: the rest runs at full speed.
whole=$(seconds bash -c "cd $world/r && exec strace -T -f --seccomp-bpf -y -e trace=fdatasync,fsync -o $world/trace $AUDITRUN run -j 1")
share() { awk -v whole="$whole" -v want="$1" '$0 ~ want { gsub(/[<>]/, "", $NF); s += $NF; n++ } END { printf "%.4f %d\n", s / whole, n }' "$world/trace"; }
read -r journal calls <<<"$(share 'events.jsonl')"
read -r all everything <<<"$(share 'sync')"
echo "# $nodes nodes: $calls syncs of the journal, $everything in all ($all of the run)"
verdict "syncs of the journal / a no-op run" "$journal" 0.05
