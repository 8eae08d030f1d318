#!/bin/bash
# What a careful person would write in bash around the git command line to carry out one node
# after the other: the yardstick for the overhead of a node. It does what auditrun does for a
# node, in the same order, with the same artifacts, one git call for each question.
#   careful.sh REPO NODES COMMAND CHECK
set -eu
cd "$1"; nodes=$2 agent=$3 check=$4
out=docs/audit/runs branch=refs/heads/audit/run-careful
git update-ref "$branch" HEAD
mkdir -p .worktrees "$out"
echo .worktrees/ >>.git/info/exclude; echo /docs/audit/runs >>.git/info/exclude

# Written beside, synced, renamed.
put() { cat >"$1.tmp"; sync "$1.tmp"; mv "$1.tmp" "$1"; }
event() { printf '{"type":"%s","node":"%s","at":"%s"}\n' "$1" "$2" "$(date -u +%FT%TZ)" >>"$out/events.jsonl"; sync -d "$out/events.jsonl"; }
guard() { { git for-each-ref; git status --porcelain --untracked-files=all; cat .git/config; } | sha256sum; }

for i in $(seq 0 $((nodes - 1))); do
    id=N-$i dir=$out/$id; mkdir -p "$dir/attempt-1"
    event dispatched "$id"
    base=$(git rev-parse "$branch")
    tree=.worktrees/audit-0-$id
    git worktree add -q --detach --lock "$tree" "$base"
    before=$(guard)
    (cd "$tree" && AUDITRUN_NODE_ID=$id sh -c "$agent" </dev/null) >"$dir/agent.log" 2>&1
    [ "$before" = "$(guard)" ]
    # Capture by an index of our own, seeded from the base.
    index=$PWD/$dir/index; rm -f "$index"
    captured=$(cd "$tree" && export GIT_INDEX_FILE=$index && git read-tree "$base" && git add -A && git write-tree)
    git diff --binary --full-index --no-ext-diff --no-textconv -M50% "$base" "$captured" | put "$dir/diff.patch"
    git diff --name-status -M50% "$base" "$captured" | put "$dir/files_touched.txt"
    loc=$(git diff --numstat -M50% "$base" "$captured" | awk '{ n += $1 + $2 } END { print n + 0 }')
    attempt=$(git commit-tree -p "$base" -m "attempt($id)" "$captured")
    git update-ref "refs/auditrun/careful/$id/attempt-1" "$attempt"
    cp "$dir/diff.patch" "$dir/files_touched.txt" "$dir/agent.log" "$dir/attempt-1"
    event captured "$id"
    [ "$loc" -le 30 ]
    # The worktree is made exactly the captured tree, then the check runs and must leave it so.
    (cd "$tree" && git read-tree -q --reset -u "$captured" && git clean -qfdx && git read-tree "$base")
    code=0; (cd "$tree" && sh -c "$check" </dev/null) >"$dir/check.log" 2>&1 || code=$?
    [ "$code" = 0 ]
    after=$(cd "$tree" && export GIT_INDEX_FILE=$index && git add -A && git write-tree)
    [ "$after" = "$captured" ]
    event checked "$id"
    commit=$(git commit-tree -p "$base" -m "node($id): add $i" "$captured")
    event landing "$id"
    git update-ref "$branch" "$commit" "$base"
    event landed "$id"
    printf '{"node_id":"%s","status":"verified","base":"%s","commit":"%s","tree":"%s","loc":%s}\n' \
        "$id" "$base" "$commit" "$captured" "$loc" | put "$dir/verification.json"
    cp "$dir/verification.json" "$dir/attempt-1"
    event finished "$id"
    git worktree unlock "$tree"
    git worktree remove --force "$tree"
    rm -f "$index"
done
# The proof: each check once more at the head.
git worktree add -q --detach .worktrees/proof "$branch"
for i in $(seq 0 $((nodes - 1))); do
    (cd .worktrees/proof && sh -c "$check" </dev/null)
    [ -z "$(git -C .worktrees/proof status --porcelain)" ]
done
git worktree remove --force .worktrees/proof
