#!/bin/bash
# Cold starts: a list of 20 targets against the other tools' dry runs and lists, and against the
# start of git, which every script around it pays for each call. Starts are short, so twenty of
# them are one measurement.
. "$(dirname "$0")/lib.sh"
many() { for _ in $(seq 20); do "$@"; done; }

graph "$world/small" 20
listed() { (cd "$world/small" && many "$@" >/dev/null); }
ours=$(least 9 listed "$AUDITRUN" list)
verdict "auditrun list, 20 targets / make -n" "$(calc "$ours / $(least 9 listed make -n)")" 1.5
if command -v just >/dev/null; then
    verdict "auditrun list, 20 targets / just --list" "$(calc "$ours / $(least 9 listed just --list)")" 1.5
fi

git init -q "$world/r"; bundle "$world/r" 20 true allow_empty
in_repo() { (cd "$world/r" && many "$@"); }
yard=$(least 5 in_repo git status --porcelain)
verdict "auditrun --version / git status" "$(calc "$(least 5 in_repo "$AUDITRUN" --version) / $yard")" 1
verdict "auditrun check, 20 nodes / git status" "$(calc "$(least 5 in_repo "$AUDITRUN" check) / $yard")" 6
