#!/usr/bin/env bash
# finish.sh REPOSITORY TAG DIR: adds the template for GitLab and the checksums to the files of a release.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
for target in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu; do
    [ -s "$3/s3-build-cache-$target.tar.gz" ] || { echo "no archive for $target" >&2; exit 1; }
done
bash "$root/.github/release/gitlab.sh" "$1" "$2" >"$3/gitlab-s3-build-cache.yml"
cd "$3"
rm -f SHA256SUMS
sha256sum -- * >"$root/SHA256SUMS.new"
mv "$root/SHA256SUMS.new" SHA256SUMS
