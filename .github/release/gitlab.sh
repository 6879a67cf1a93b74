#!/usr/bin/env bash
# gitlab.sh REPOSITORY TAG: prints the GitLab template with the address of the releases and the version filled in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
sed -e "s|S3_BUILD_CACHE_RELEASES: \"\"|S3_BUILD_CACHE_RELEASES: \"$1/releases/download\"|" \
    -e "s|S3_BUILD_CACHE_RELEASE: \"\"|S3_BUILD_CACHE_RELEASE: \"$2\"|" .gitlab/s3-build-cache.yml
