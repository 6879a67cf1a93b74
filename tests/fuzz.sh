#!/usr/bin/env bash
# fuzz.sh [SECONDS [TARGET...]]: runs the fuzz targets (default: all) that long each (default: 600 seconds), if nightly
# Rust and cargo-fuzz can be had, and reports how many inputs each executed. What a run finds is kept and minimised in
# target/fuzz/corpus, where the next run continues; the committed seeds in fuzz/corpus are never changed. The seeds are
# replayed by `cargo test` in any case.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-600}
if ! [[ $seconds =~ ^[1-9][0-9]*$ ]]; then
    echo "fuzz.sh: SECONDS must be a positive number, not $seconds" >&2
    exit 2
fi
shift || true
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "no fuzzing: there is no nightly toolchain on this machine"
    exit 0
fi
if ! cargo fuzz --version >/dev/null 2>&1 && ! cargo install --quiet --locked cargo-fuzz@0.13.2; then
    echo "no fuzzing: cargo-fuzz cannot be installed on this machine"
    exit 0
fi
cargo +nightly fetch --quiet --locked --manifest-path fuzz/Cargo.toml
known=$(cargo +nightly fuzz list)
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets <<<"$known"
for target in "${targets[@]}"; do
    if ! grep -qx -- "$target" <<<"$known"; then
        echo "fuzz.sh: there is no target $target; the targets are ${known//$'\n'/ }" >&2
        exit 2
    fi
done
root=${CARGO_TARGET_DIR:-target}/fuzz
mkdir -p "$root/corpus"
root=$(cd "$root" && pwd)
build=(--target-dir "$root/cargo")
cargo +nightly fuzz build "${build[@]}" >/dev/null 2>&1 || cargo +nightly fuzz build "${build[@]}"
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# run TARGET: new inputs go to a folder of their own. Afterwards only those are kept that add coverage to the seeds.
run() {
    local corpus=$root/corpus/$1
    mkdir -p "$corpus"
    if ! cargo +nightly fuzz run "${build[@]}" "$1" "$corpus" "fuzz/corpus/$1" -- -max_total_time="$seconds" \
        -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 >"$logs/$1" 2>&1; then
        touch "$logs/$1.failed"
        return
    fi
    rm -rf "$corpus.less" && mkdir "$corpus.less"
    if cargo +nightly fuzz run "${build[@]}" "$1" "$corpus.less" "fuzz/corpus/$1" "$corpus" -- -merge=1 \
        -max_len=4096 -timeout=10 -rss_limit_mb=1024 >"$logs/$1.merge" 2>&1; then
        rm -rf "$corpus" && mv "$corpus.less" "$corpus"
    else
        rm -rf "$corpus.less"
    fi
}

# A fuzzer has one thread: as many at a time as there are processors.
running=0
for target in "${targets[@]}"; do
    if [ "$running" -ge "$(nproc)" ]; then
        wait -n
        running=$((running - 1))
    fi
    run "$target" &
    running=$((running + 1))
done
wait

failed=()
for target in "${targets[@]}"; do
    if [ -e "$logs/$target.failed" ]; then
        tail -n 40 "$logs/$target" >&2
        failed+=("$target")
    else
        executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$target")
        echo "$target: $executed executions in $seconds s, $(find "$root/corpus/$target" -type f | wc -l) inputs kept"
    fi
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
echo "ran: ${targets[*]}"
