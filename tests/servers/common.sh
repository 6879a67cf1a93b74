# shellcheck shell=bash
# Sourced by the start scripts: NAME.sh PORT DATADIR. The server listens on loopback only, its pids go to DATADIR/pids,
# what a client needs to DATADIR/env. stop.sh DATADIR ends it. The keys are AWS's own documentation examples.
set -euo pipefail
servers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
port=$1
mkdir -p "$2"
data=$(cd "$2" && pwd)
access_key=AKIAIOSFODNN7EXAMPLE
secret_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
region=us-east-1
: >"$data/pids"

# Runs a server in the background and remembers its pid.
start() {
    setsid "$@" >>"$data/log" 2>&1 </dev/null &
    echo $! >>"$data/pids"
}

# Waits until the server answers, makes the bucket `cache`, and writes the environment of the tests.
ready() {
    python3 "$servers/bucket.py" "http://127.0.0.1:$port" "$access_key" "$secret_key" "$region" cache
    cat >"$data/env" <<EOF
export S3_TEST_ENDPOINT=http://127.0.0.1:$port
export S3_TEST_ACCESS_KEY_ID='$access_key'
export S3_TEST_SECRET_ACCESS_KEY='$secret_key'
export S3_TEST_REGION=$region
export S3_TEST_BUCKET=cache
EOF
}
