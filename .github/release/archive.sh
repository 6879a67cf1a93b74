#!/usr/bin/env bash
# archive.sh BINARY TARGET TO: packs the program with its licenses into TO/s3-build-cache-TARGET.tar.gz.
set -euo pipefail
binary=$1 target=$2 to=$3
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
install -m 755 "$binary" "$work/s3-build-cache"
cp "$root/README.md" "$root/CHANGELOG.md" "$root/LICENSE" "$work"
cp "$root/src/cli/notices.txt" "$work/THIRD-PARTY-NOTICES"
# A static program contains parts of the GNU C Library.
if [ "${target##*-}" = gnu ] && [ -r /usr/share/common-licenses/LGPL-2.1 ]; then
    cp /usr/share/common-licenses/LGPL-2.1 "$work/LGPL-2.1"
fi
mkdir -p "$to"
# Nothing of the machine that packs it, so that equal files make equal archives.
names=$(cd "$work" && ls)
if tar --version 2>/dev/null | grep -q GNU; then
    # shellcheck disable=SC2086
    tar -C "$work" --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" -cf "$work.tar" $names
else
    # shellcheck disable=SC2086
    tar -C "$work" -cf "$work.tar" $names
fi
gzip -n9 <"$work.tar" >"$to/s3-build-cache-$target.tar.gz"
rm "$work.tar"
