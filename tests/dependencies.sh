#!/usr/bin/env bash
# The dependency promises: no async runtime, at most 75 crates with the command line and 65 without, known licenses
# with up-to-date notices, and no crate with a known vulnerability.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

crates() { cargo tree --locked -e normal --prefix none --format '{p}' "$@" | sed 's/ (\*)$//; s/ (proc-macro)$//' | sort -u; }

check() {
    local limit=$1
    shift
    local list count
    list=$(crates "$@")
    count=$(wc -l <<<"$list")
    echo "$count crates ($*), limit $limit"
    [ "$count" -le "$limit" ]
    if grep -E '^(tokio|async-std|smol|async-io|async-executor|futures-executor|hyper|reqwest|mio|polling) ' <<<"$list"; then
        echo "an async runtime is in the normal dependency tree" >&2
        return 1
    fi
}

check 75 --all-features
check 65 --no-default-features

# Both need Python 3.11 or later, for its reader of TOML.
python3 tests/dependencies/notices.py --check
python3 tests/dependencies/advisories.py
