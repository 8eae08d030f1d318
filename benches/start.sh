#!/bin/bash
# Cold starts against the start of git, which every script around it pays for each call.
. "$(dirname "$0")/lib.sh"
git init -q "$world/r"; bundle "$world/r" 20 true allow_empty
many() { for _ in $(seq 20); do "$@"; done; }
in_repo() { (cd "$world/r" && many "$@"); }
yard=$(least 5 in_repo git status --porcelain)
verdict "auditrun --version / git status" "$(calc "$(least 5 in_repo "$AUDITRUN" --version) / $yard")" 1
verdict "auditrun check, 20 nodes / git status" "$(calc "$(least 5 in_repo "$AUDITRUN" check) / $yard")" 6
