#!/usr/bin/env bash
# OpenStack Swift with s3api: the strictest one (payload hashes, regions, odd keys). Needs the packages swift and
# pyeclib, and a file system with user xattrs. Ports port..port+3.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# s3api's access key is the tempauth account and user.
access_key=$access_key:ci
conf=$data/conf
mkdir -p "$conf" "$data/node/disk"
cat >"$conf/swift.conf" <<EOF
[swift-hash]
swift_hash_path_suffix = trial
[storage-policy:0]
name = only
default = yes
EOF
ring_port=$port
for kind in object container account; do
    ring_port=$((ring_port + 1))
    cat >"$conf/$kind.conf" <<EOF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $ring_port
workers = 0
user = $(id -un)
swift_dir = $conf
devices = $data/node
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
[pipeline:main]
pipeline = $kind-server
[app:$kind-server]
use = egg:swift#$kind
EOF
    (
        cd "$conf"
        swift-ring-builder $kind.builder create 4 1 1
        swift-ring-builder $kind.builder add "r1z1-127.0.0.1:$ring_port/disk" 1
        swift-ring-builder $kind.builder rebalance
    ) >>"$data/log" 2>&1
done
cat >"$conf/proxy.conf" <<EOF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
workers = 0
user = $(id -un)
swift_dir = $conf
[pipeline:main]
pipeline = catch_errors gatekeeper proxy-logging cache listing_formats bulk s3api tempauth slo dlo versioned_writes copy proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_${access_key/:/_} = $secret_key .admin
[filter:s3api]
use = egg:swift#s3api
location = $region
s3_acl = no
check_bucket_owner = false
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
EOF
for filter in bulk slo dlo copy catch_errors gatekeeper listing_formats; do
    printf '[filter:%s]\nuse = egg:swift#%s\n' "$filter" "$filter" >>"$conf/proxy.conf"
done
printf '[filter:proxy-logging]\nuse = egg:swift#proxy_logging\n' >>"$conf/proxy.conf"
for kind in object container account proxy; do
    start swift-$kind-server "$conf/$kind.conf"
done
ready
