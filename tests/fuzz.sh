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
cargo +nightly fuzz build >/dev/null 2>&1 || cargo +nightly fuzz build
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# run TARGET: new inputs go to a folder of their own, for the corpus holds the committed seeds only.
run() {
    mkdir -p "fuzz/target/corpus/$1"
    cargo +nightly fuzz run "$1" "fuzz/target/corpus/$1" "fuzz/corpus/$1" -- -max_total_time="$seconds" -max_len=4096 \
        -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 >"$logs/$1" 2>&1 || touch "$logs/$1.failed"
}

# A fuzzer has one thread: as many at a time as there are processors.
running=0
for target in $targets; do
    if [ "$running" -ge "$(nproc)" ]; then
        wait -n
        running=$((running - 1))
    fi
    run "$target" &
    running=$((running + 1))
done
wait

failed=()
for target in $targets; do
    if [ -e "$logs/$target.failed" ]; then
        tail -n 40 "$logs/$target" >&2
        failed+=("$target")
    else
        echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$target") executions in $seconds s"
    fi
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
echo "ran: $(echo $targets)"
