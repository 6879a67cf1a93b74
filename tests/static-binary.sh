#!/usr/bin/env bash
# static-binary.sh BINARY: it is static, at most 4.5 MiB, and runs.
set -euo pipefail
binary=$1
size=$(stat -c %s "$binary")
echo "$size bytes, limit 4718592"
[ "$size" -le 4718592 ]
if ldd "$binary" >/dev/null 2>&1 && ! ldd "$binary" 2>&1 | grep -q 'statically linked'; then
    echo "not static:" >&2
    ldd "$binary" >&2
    exit 1
fi
"$binary" --version
