#!/usr/bin/env bash
# Builds with real daemons through `s3-build-cache run`: with buildkitd if buildkitd, buildctl and runc are installed,
# and with dockerd if dockerd, containerd, docker, docker-buildx and runc are. Says what it skips.
#
#   tests/real-docker.sh [NAME...]     NAME: buildkitd, dockerd, classic (default: all)
#
# The daemons are its own, with their data under target/, and are stopped by pid. Needs root, as they do. The builds need
# no network and no base image: the program, linked statically, is the only program in them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-target}
root=$target/docker
mkdir -p "$root"
root=$(cd "$root" && pwd)
# Sockets have short paths.
run=$(mktemp -d /tmp/s3-build-cache.XXXXXX)
pids=()
stop() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    done
    rm -rf "$run"
}
trap stop EXIT

failed=()
check() {
    local what=$1
    shift
    if "$@"; then echo "ok      $what"; else
        echo "FAILED  $what"
        failed+=("$what")
    fi
}
have() { for name; do command -v "$name" >/dev/null || { echo "$name is not installed"; return 1; }; done; }
skip() { echo "skipped $1: $2"; }
spawn() { # NAME COMMAND...
    local name=$1
    shift
    setsid "$@" >"$root/$name.log" 2>&1 </dev/null &
    pids+=($!)
}
wait_for() { for _ in $(seq 150); do "$@" >/dev/null 2>&1 && return 0; sleep 0.2; done; echo "no answer: $*" >&2; return 1; }

[ "$(id -u)" = 0 ] || { skip "everything" "the daemons need root"; exit 0; }
if ! { [ -x "${S3_BUILD_CACHE:-}" ] && bin=$S3_BUILD_CACHE; }; then
    RUSTFLAGS='-C target-feature=+crt-static' cargo build --quiet --release --target x86_64-unknown-linux-gnu
    bin=$target/x86_64-unknown-linux-gnu/release/s3-build-cache
fi
bin=$(realpath "$bin")

# The build: three stages, one of which changes with the file `changes`.
context=$root/context
rm -rf "$context" "$root/store"
mkdir -p "$context" "$root/store"
cp "$bin" "$context/tool"
cp -r tests/fixtures/max/local "$context/cache"
head -c 30000000 /dev/urandom >"$context/large"
date +%s%N >"$context/changes"
cat >"$context/Dockerfile" <<'DOCKERFILE'
FROM scratch AS base
COPY tool /tool
COPY cache /cache
RUN ["/tool", "export", "/cache", "--cache-to", "type=s3,bucket=one,endpoint_url=file:///one"]
FROM base AS large
COPY large /large
RUN ["/tool", "export", "/cache", "--cache-to", "type=s3,bucket=two,endpoint_url=file:///two"]
FROM base AS changing
COPY changes /changes
RUN ["/tool", "export", "/cache", "--cache-to", "type=s3,bucket=three,endpoint_url=file:///three"]
FROM base
COPY --from=large /large /two /
COPY --from=changing /changes /three /
RUN ["/tool", "import", "/restored", "--cache-from", "type=s3,bucket=one,endpoint_url=file:///one"]
DOCKERFILE

# Prints "HITS STEPS" of a plain build log.
hits() {
    awk '/^#[0-9]+ \[/ && !/\[internal|\[auth/ { steps[$1] = 1 } /^#[0-9]+ CACHED/ { hit[$1] = 1 }
         END { for (s in steps) { n++; if (s in hit) h++ } print h + 0, n + 0 }' "$1"
}
all_cached() { read -r hit steps < <(hits "$1") && [ "$steps" -gt 8 ] && [ "$hit" = "$steps" ]; }
some_cached() { read -r hit steps < <(hits "$1") && [ "$hit" -gt 3 ] && [ "$hit" -lt "$steps" ]; }

# trials NAME: builds with `build ATTRS_TO ATTRS_FROM LOG`, on a builder that `wipe` empties.
trials() {
    local name=$1 s3="type=s3,bucket=trial,endpoint_url=file://$root/store/$1" log=$root/$1
    mkdir -p "$root/store/$name"
    wipe
    check "$name: a build without a cache exports one" build "$s3,name=app,mode=max" "$s3,name=app" "$log.1"
    wipe
    check "$name: a build with it succeeds" build "$s3,name=again,mode=max" "$s3,name=app" "$log.2"
    check "$name: every step is cached" all_cached "$log.2"
    date +%s%N >"$context/changes"
    wipe
    check "$name: a build of changed sources succeeds" build "$s3,name=again,mode=max" "$s3,name=again" "$log.3"
    check "$name: its unchanged steps are cached" some_cached "$log.3"
    wipe
    check "$name: what was exported of them is whole" build "$s3,name=again,mode=max" "$s3,name=again" "$log.4"
    check "$name: every step is cached again" all_cached "$log.4"
}

buildkitd_trials() {
    local why
    why=$(have buildkitd buildctl runc) || { skip buildkitd "$why"; return; }
    spawn buildkitd "$(type -P buildkitd)" --root "$root/buildkitd" --addr "unix://$run/bk.sock" --oci-worker-net host
    wait_for buildctl --addr "unix://$run/bk.sock" debug workers
    wipe() { buildctl --addr "unix://$run/bk.sock" prune --all >/dev/null; }
    build() {
        "$bin" run -- buildctl --addr "unix://$run/bk.sock" build --progress plain --frontend dockerfile.v0 \
            --local "context=$context" --local "dockerfile=$context" --export-cache "$1" --import-cache "$2" >"$3" 2>&1
    }
    trials buildkitd
}

docker_daemon() { # NAME CONFIG
    local why
    why=$(have dockerd containerd docker docker-buildx runc) || { skip "$1" "$why"; return 1; }
    if [ ! -S "$run/containerd.sock" ]; then
        spawn containerd containerd --root "$root/containerd" --state "$run/containerd" --address "$run/containerd.sock" \
            --config /dev/null
        wait_for test -S "$run/containerd.sock"
    fi
    echo "$2" >"$run/$1.json"
    spawn "$1" dockerd --config-file "$run/$1.json" --host "unix://$run/$1.sock" --data-root "$root/$1" \
        --exec-root "$run/$1-exec" --pidfile "$run/$1-own.pid" --containerd "$run/containerd.sock" \
        --containerd-namespace "$1" --containerd-plugins-namespace "$1-plugins" \
        --iptables=false --ip6tables=false --bridge none --userland-proxy=false
    # The plugin may be installed as a program only.
    export DOCKER_CONFIG=$run/config DOCKER_HOST=unix://$run/$1.sock
    mkdir -p "$DOCKER_CONFIG/cli-plugins"
    ln -sf "$(command -v docker-buildx)" "$DOCKER_CONFIG/cli-plugins/docker-buildx"
    wait_for docker version
    wipe() { docker buildx prune --all --force >/dev/null; }
}

dockerd_trials() {
    docker_daemon dockerd '{"features":{"containerd-snapshotter":true}}' || return 0
    build() {
        "$bin" run -- docker buildx build --progress plain --network none --provenance=false \
            --cache-to "$1" --cache-from "$2" "$context" >"$3" 2>&1
    }
    trials dockerd
    classic_source=type=s3,bucket=trial,endpoint_url=file://$root/store/dockerd,name=again
}

classic_trials() {
    docker_daemon classic '{"features":{"containerd-snapshotter":false},"storage-driver":"overlay2"}' || return 0
    local s3=${classic_source:-} log=$root/classic
    build() { # LOG OPTION...
        local log=$1
        shift
        "$bin" run -- docker buildx build --progress plain --network none "$@" "$context" >"$log" 2>&1
    }
    if build "$log.1" --cache-to type=s3,bucket=trial,endpoint_url=file:///nowhere; then
        check "classic: an export is refused" false
    else
        check "classic: an export is refused with status 2" test $? = 2
        check "classic: the reason names the containerd image store" grep -q "containerd image store" "$log.1"
    fi
    [ -n "$s3" ] || { skip "classic: an import" "no cache of dockerd to read"; return 0; }
    check "classic: a build with a cache succeeds" build "$log.2" --cache-from "$s3"
    check "classic: every step is cached" all_cached "$log.2"
}

[ $# -gt 0 ] || set -- buildkitd dockerd classic
for name; do
    case $name in
    buildkitd) buildkitd_trials ;;
    dockerd) dockerd_trials ;;
    classic) classic_trials ;;
    *) echo "unknown: $name" >&2; exit 2 ;;
    esac
done
if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    echo "logs: $root" >&2
    exit 1
fi
