#!/bin/bash
# What the sandbox adds to the start of a program, against the start of a shell: many checks that
# do nothing, with it and without it, with a home to be read around hidden places, and with no
# network. By processor time, children included: a hundredth of a run is too little for wall time.
. "$(dirname "$0")/lib.sh"
CHECKS=100
git init -q "$world/r"; bundle "$world/r" 1 true allow_empty
mkdir -p "$HOME"/.{ssh,aws,gnupg,config/gh} "$HOME"/{a..z}
prompt=$world/r/docs/audit/prompts/N-0.md
checks=$(awk -v n=$CHECKS 'BEGIN { for (i = 0; i < n; i++) printf "<check>true</check>\\n" }')
sed -i "s#^<check>true</check>\$#$checks#" "$prompt"
git -C "$world/r" commit -qam checks
# cpu COMMAND...: the least processor time of five runs.
cpu() {
    local TIMEFORMAT='%U %S'
    for _ in 1 2 3 4 5; do { time "$@" >"$world/log" 2>&1; } 2>&1; done | awk '{ print $1 + $2 }' | sort -g | head -1
}
shells() { for _ in $(seq $CHECKS); do sh -c true; done; }
# with SETTING: seconds a check of a run with that setting.
with() {
    git -C "$world/r" reset -q --hard main
    printf '%s\n' "$1" >>"$world/r/audit.kdl"
    git -C "$world/r" commit -qam "$1"
    (cd "$world/r" && calc "$(cpu "$AUDITRUN" run) / (2 * $CHECKS)")
    git -C "$world/r" reset -q --hard HEAD~1
}
yard=$(calc "$(cpu shells) / $CHECKS")
off=$(with 'sandbox "off"')
verdict "sandbox, a program / sh -c true" "$(calc "($(with 'sandbox "required"') - $off) / $yard")" 2
verdict "sandbox without network, a program / sh -c true" \
    "$(calc "($(with 'sandbox "required" { network #false }') - $off) / $yard")" 4
