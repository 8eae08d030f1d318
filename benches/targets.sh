#!/bin/bash
# Targets against make, and against ninja and just where they are installed: 1,000 targets with
# dependencies whose steps do nothing; the same with a file each, made and then up to date.
. "$(dirname "$0")/lib.sh"

within() { (cd "$1" && shift && "$@" >/dev/null); }
fresh() { (cd "$1" && shift && rm -rf out .auditrun .ninja_log .ninja_deps && mkdir -p out && "$@" >/dev/null); }
installed() { command -v "$1" >/dev/null; }

for tool in ours make ninja just; do idle "$world/idle-$tool" 1000; graph "$world/$tool" 1000; done
ours=$(least 5 fresh "$world/idle-ours" "$AUDITRUN" -q -j2)
verdict "1,000 targets that do nothing / make -j2" "$(calc "$ours / $(least 3 fresh "$world/idle-make" make -s -j2)")" 1
if installed ninja; then
    verdict "1,000 targets that do nothing / ninja -j2" "$(calc "$ours / $(least 3 fresh "$world/idle-ninja" ninja -j2)")" 1.5
fi
if installed just; then
    verdict "1,000 targets that do nothing / just" "$(calc "$ours / $(least 3 fresh "$world/idle-just" just -q all)")" 1
fi

ours=$(least 3 fresh "$world/ours" "$AUDITRUN" -q -j2)
verdict "1,000 copies from scratch / make -j2" "$(calc "$ours / $(least 3 fresh "$world/make" make -s -j2)")" 1
sleep 2.1 # From now on a look at a file's stat is enough.
within "$world/ours" "$AUDITRUN" -q -j2
ours=$(least 15 within "$world/ours" "$AUDITRUN" -q -j2)
theirs=$(least 15 within "$world/make" make -s -j2)
verdict "1,000 targets that are up to date / make -j2" "$(calc "$ours / $theirs")" 1
if installed ninja; then
    fresh "$world/ninja" ninja -j2
    verdict "1,000 targets that are up to date / ninja -j2" "$(calc "$ours / $(least 15 within "$world/ninja" ninja -j2)")" 1.5
fi
