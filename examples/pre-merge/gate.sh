#!/bin/sh
# A gate script: is this audit branch fit to be merged into BASE? For CI and for people.
#
#     gate.sh audit/run-20260101T000000Z [BASE] [auditrun's flags…]
set -eu
branch=${1:?usage: gate.sh BRANCH [BASE] [FLAGS]}
base=${2:-origin/main}
shift
[ "$#" -eq 0 ] || shift
run=${branch#audit/run-}

# The proof travels by push and fetch; nothing else of the run is needed.
if ! git rev-parse --verify --quiet "refs/auditrun-proof/$run" >/dev/null; then
    git fetch --quiet origin \
        "+refs/heads/$branch:refs/heads/$branch" "+refs/auditrun-proof/$run:refs/auditrun-proof/$run"
fi
exec auditrun gate --run "$run" --base "$base" "$@"
