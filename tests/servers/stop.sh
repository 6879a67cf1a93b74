#!/usr/bin/env bash
# stop.sh DATADIR: ends exactly the processes that the start script recorded.
set -u
[ -f "$1/pids" ] || exit 0
alive() {
    while read -r pid; do
        kill -0 "$pid" 2>/dev/null && return 0
    done <"$1/pids"
    return 1
}
while read -r pid; do kill "$pid" 2>/dev/null; done <"$1/pids"
for _ in $(seq 50); do
    alive "$1" || break
    sleep 0.1
done
while read -r pid; do kill -9 "$pid" 2>/dev/null; done <"$1/pids"
: >"$1/pids"
