#!/usr/bin/env bash
# image.sh DIR TO: unpacks the programs for Linux into TO, which becomes the context of the image.
set -euo pipefail
for pair in amd64:x86_64 arm64:aarch64; do
    mkdir -p "$2/${pair%:*}"
    tar -xzf "$1/s3-build-cache-${pair#*:}-unknown-linux-gnu.tar.gz" -C "$2/${pair%:*}"
done
cp "$(dirname "${BASH_SOURCE[0]}")/Dockerfile" "$2"
