#!/bin/sh
# Installs a release of s3-build-cache into a directory, after checking its checksum.
#
#   RELEASES   where the releases are: https://HOST/OWNER/REPOSITORY/releases/download
#   VERSION    the tag of the release, such as v1.2.3
#   SHA256     optional: the checksum that the archive must have, instead of that in the release's SHA256SUMS
#   TO         the directory
set -eu
fail() { echo "s3-build-cache: $1" >&2; exit 1; }
[ -n "${RELEASES:-}" ] || fail "no address of the releases: use this file from a release, which has it"
[ -n "${VERSION:-}" ] || fail "no version: set it to the tag of a release, such as v1.2.3"
case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) target=x86_64-unknown-linux-gnu ;;
    Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-gnu ;;
    Darwin-x86_64) target=x86_64-apple-darwin ;;
    Darwin-arm64) target=aarch64-apple-darwin ;;
    *) fail "no release for $(uname -s) on $(uname -m): build it with cargo install s3-build-cache" ;;
esac
archive=s3-build-cache-$target.tar.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() {
    if command -v curl >/dev/null; then
        curl -fsSL --retry 3 -o "$work/$1" "$RELEASES/$VERSION/$1"
    else
        wget -q -O "$work/$1" "$RELEASES/$VERSION/$1"
    fi || fail "cannot download $RELEASES/$VERSION/$1"
}
fetch "$archive"
if [ -z "${SHA256:-}" ]; then
    fetch SHA256SUMS
    SHA256=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$archive\$/\1/p" "$work/SHA256SUMS")
    [ -n "$SHA256" ] || fail "SHA256SUMS of $VERSION does not list $archive"
fi
if command -v sha256sum >/dev/null; then
    found=$(sha256sum <"$work/$archive")
else
    found=$(shasum -a 256 <"$work/$archive")
fi
found=${found%% *}
[ "$found" = "$SHA256" ] || fail "$archive of $VERSION has the checksum $found instead of $SHA256"
mkdir -p "$TO"
tar -xzf "$work/$archive" -C "$TO" s3-build-cache
"$TO/s3-build-cache" --version
