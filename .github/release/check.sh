#!/usr/bin/env bash
# check.sh TAG: the tag and Cargo.toml agree. Prints the address of the repository, which is only in Cargo.toml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
field() { sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "${MANIFEST:-Cargo.toml}" | head -n 1; }
repository=$(field repository)
if [ -z "$repository" ]; then
    echo "Cargo.toml has no repository: set it to the address of this repository, such as https://HOST/OWNER/NAME." >&2
    echo "It is the only place: archives, links and cargo binstall follow it." >&2
    exit 1
fi
if [ "$1" != "v$(field version)" ]; then
    echo "the tag $1 is not the version $(field version) in Cargo.toml" >&2
    exit 1
fi
here=${GITHUB_SERVER_URL:-}/${GITHUB_REPOSITORY:-}
if [ "$here" != / ] && [ "${repository%/}" != "$here" ]; then
    echo "Cargo.toml names the repository $repository, but this is $here" >&2
    exit 1
fi
echo "${repository%/}"
