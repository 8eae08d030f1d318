# What every benchmark shares: a throw-away world that no configuration of the operator reaches,
# bundles of any size, and ratios. Sourced by bash; sets -eu.
#
# AUDITRUN names the binary (default: target/release/auditrun beside this directory).
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
AUDITRUN=${AUDITRUN:-$here/../target/release/auditrun}
[ -x "$AUDITRUN" ] || { echo "no $AUDITRUN: cargo build --release, or set AUDITRUN" >&2; exit 2; }
AUDITRUN=$(realpath "$AUDITRUN")

world=$(mktemp -d "${TMPDIR:-/tmp}/auditrun-bench-XXXXXX")
trap 'rm -rf "$world"' EXIT
for name in $(env | sed -n 's/^\(GIT_[A-Z_]*\)=.*/\1/p; s/^\(AUDIT[A-Z_]*\)=.*/\1/p'); do
    [ "$name" = AUDITRUN ] || unset "$name"
done
export HOME=$world/home GIT_CONFIG_NOSYSTEM=1 LC_ALL=C TZ=UTC NO_COLOR=1 TERM=dumb
mkdir -p "$HOME"
git config --file "$HOME/.gitconfig" user.name Bench
git config --file "$HOME/.gitconfig" user.email bench@example.com
git config --file "$HOME/.gitconfig" init.defaultBranch main
git config --file "$HOME/.gitconfig" gc.auto 0

# repository DIR FILES: a commit with that many files of about 1 KiB in directories of 50.
repository() {
    git init -q "$1"
    awk -v n="$2" 'BEGIN {
        line = "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n"
        for (i = 0; i < 15; i++) text = text line
        print "commit refs/heads/main\ncommitter Bench <bench@example.com> 1700000000 +0000\ndata 4\nbase"
        for (i = 0; i < n; i++) {
            body = i "\n" text
            printf "M 100644 inline src/d%d/f%d.txt\ndata %d\n%s\n", i / 50, i, length(body), body
        }
    }' | git -C "$1" fast-import --quiet
    git -C "$1" reset -q --hard
}

# bundle DIR NODES AGENT SIGNAL [awk program that prints further fields of node i]: a bundle whose
# nodes do AGENT (a shell command line) and are checked by `true`, committed.
bundle() {
    local dir=$1 nodes=$2 agent=$3 signal=$4 extra=${5:-} verb=add
    [ "$signal" = require_nonempty ] || verb=document
    mkdir -p "$dir/docs/audit/prompts"
    printf '#!/bin/sh\ncat >/dev/null\n%s\n' "$agent" >"$world/agent.sh"
    chmod +x "$world/agent.sh"
    { echo '# State'; echo; echo '## Architecture'; echo 'A benchmark.'; echo; echo '## Invariants'
      echo '- **INV-0**: holds'; echo '  - check: `true`'; echo; echo '## Open questions'; echo
      echo '## Delta to done'; awk -v n="$nodes" 'BEGIN { for (i = 0; i < n; i++) print "- **D-" i "**: do " i }'
    } >"$dir/docs/audit/state.md"
    { echo '# Graph'; echo
      awk -v n="$nodes" -v signal="$signal" -v verb="$verb" "function extra(i) { $extra }"'
      BEGIN { for (i = 0; i < n; i++) {
        printf "### N-%d: %s %d\n- touches: `out/N-%d.txt`\n", i, verb, i, i
        printf "- parallel_safe: true\n- estimated_loc: 10\n- expected_signal: %s\n- closes: D-%d\n", signal, i
        extra(i); print "" } }'
    } >"$dir/docs/audit/graph.md"
    awk -v n="$nodes" -v dir="$dir/docs/audit/prompts" 'BEGIN { for (i = 0; i < n; i++) {
        file = dir "/N-" i ".md"
        printf "# N-%d\n<scope_envelope><success>%d is there.</success><failure_modes>Anything else changes.</failure_modes></scope_envelope>\n<done_when>\n<check>true</check>\n</done_when>\n", i, i > file
        close(file) } }'
    { echo 'bundle "docs/audit"'; echo 'agent "bench" adapter="exec" default=#true {'
      if [ "$agent" = true ]; then echo '    command "true"'; else echo "    command \"$world/agent.sh\""; fi
      echo '}'
      echo 'bounds max-iterations=100000 timeout="600m"'
    } >"$dir/audit.kdl"
    git -C "$dir" add -A
    git -C "$dir" commit -q -m bundle
}

# seconds COMMAND...: its wall time. Its output goes to $world/log; a failure ends the benchmark.
seconds() {
    local from to
    from=$(date +%s%N)
    "$@" >"$world/log" 2>&1 || { echo "failed: $*" >&2; tail -20 "$world/log" >&2; exit 1; }
    to=$(date +%s%N)
    awk -v a="$from" -v b="$to" 'BEGIN { printf "%.6f", (b - a) / 1e9 }'
}

# least N COMMAND...: the shortest of N runs, for noise only ever adds.
least() {
    local n=$1; shift
    for _ in $(seq "$n"); do seconds "$@"; echo; done | sort -g | head -1
}

calc() { awk "BEGIN { printf \"%.4f\", $* }"; }

# verdict NAME RATIO LIMIT: one line of the result; fails the benchmark if BENCH_STRICT is set.
verdict() {
    awk -v name="$1" -v ratio="$2" -v limit="$3" 'BEGIN {
        printf "%-58s %8.3f   target <= %-6s %s\n", name, ratio, limit, ratio <= limit ? "ok" : "MISSED"
        exit ratio > limit }' || [ -z "${BENCH_STRICT:-}" ]
}

# run_bundle DIR ARGS...: a run that has to end proven.
run_bundle() { local dir=$1; shift; (cd "$dir" && "$AUDITRUN" run "$@"); }

# peak COMMAND...: the most memory that the process (not its children) held, in MiB. The kernel
# keeps the mark; it is read again and again, because it goes with the process.
peak() {
    local pid most=0 now
    "$@" >"$world/log" 2>&1 & pid=$!
    while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do most=$now; sleep 0.01; done
    wait "$pid" || { echo "failed: $*" >&2; tail -20 "$world/log" >&2; exit 1; }
    calc "$most / 1024"
}

# graph DIR COUNT: targets that copy a file each, in every tool's language; target i comes after i/2.
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

# idle DIR COUNT: the same without files, and steps that are `true`.
idle() {
    mkdir -p "$1"
    git init -q "$1"
    awk -v n="$2" -v dir="$1/" 'BEGIN {
        kdl = dir "audit.kdl"; mk = dir "Makefile"; nj = dir "build.ninja"; just = dir "justfile"
        all = ""; quoted = ""
        for (i = 0; i < n; i++) { all = all " t" i; quoted = quoted " \"t" i "\"" }
        printf "target \"default\" { needs%s }\n", quoted > kdl
        printf ".PHONY: all%s\nall:%s\n", all, all > mk
        print "rule true\n  command = true" > nj
        printf "all:%s\n", all > just
        for (i = 0; i < n; i++) {
            p = int(i / 2)
            printf "target \"t%d\" { %ssteps \"true\" }\n", i, (i ? sprintf("needs \"t%d\"; ", p) : "") > kdl
            printf "t%d:%s\n\t@true\n", i, (i ? " t" p : "") > mk
            printf "build t%d: true%s\n", i, (i ? " || t" p : "") > nj
            printf "t%d:%s\n\t@true\n", i, (i ? " t" p : "") > just
        }
    }'
}
