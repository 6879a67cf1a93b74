#!/usr/bin/env bash
# fuzz.sh [SECONDS]: runs every fuzz target that long (default 600) when nightly Rust and cargo-fuzz can be had, and
# says which ran. The seeds are replayed by `cargo test` in any case.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-600}
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "no fuzzing: there is no nightly toolchain on this machine"
    exit 0
fi
if ! cargo fuzz --version >/dev/null 2>&1 && ! cargo install --quiet --locked cargo-fuzz@0.13.2; then
    echo "no fuzzing: cargo-fuzz cannot be installed on this machine"
    exit 0
fi
cargo +nightly fetch --quiet --locked --manifest-path fuzz/Cargo.toml
targets=$(cargo +nightly fuzz list)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
ran=()
for target in $targets; do
    # New inputs go to a folder of their own: the corpus holds the committed seeds only.
    mkdir -p "fuzz/target/corpus/$target"
    if ! cargo +nightly fuzz run "$target" "fuzz/target/corpus/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        exit 1
    fi
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions in $seconds s"
    ran+=("$target")
done
echo "ran: ${ran[*]}"
