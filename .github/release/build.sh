#!/usr/bin/env bash
# build.sh TARGET TO: builds the released program on a machine of its own kind, and packs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$1 to=$2
case "$target" in
    *-linux-gnu) export RUSTFLAGS='-C target-feature=+crt-static' ;;
esac
cargo build --locked --release --target "$target"
binary=${CARGO_TARGET_DIR:-target}/$target/release/s3-build-cache
case "$target" in
    x86_64-unknown-linux-gnu) bash tests/static-binary.sh "$binary" ;;
    *) "$binary" --version ;;
esac
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) bash .github/release/archive.sh "$binary" "$target" "$to"
