#!/bin/bash
# Every benchmark, or those named: benches/all.sh [start targets preflight node large journal replay memory sandbox].
# Prints one line a figure: ratio, target, verdict. BENCH_STRICT=1 fails on a missed target.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- start targets preflight node large journal replay memory sandbox
for name in "$@"; do "$here/$name.sh"; done
