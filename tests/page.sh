#!/usr/bin/env bash
# page.sh BINARY: the page of `du --html` is rendered by a real browser, in light and in dark mode. Installs Debian's
# chromium if it can, and is skipped if there is none.
set -euo pipefail
binary=$(realpath "$1")
cd "$(dirname "$0")/.."

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update && apt-get install -y --no-install-recommends chromium; } >/dev/null 2>&1 || true
    browser=$(command -v chromium || true)
fi
if [ -z "$browser" ]; then
    echo "skipped: there is no chromium to render the page of du --html with"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
store="type=s3,bucket=trial,endpoint_url=file://$work/store"
for name in max min; do
    "$binary" export "tests/fixtures/$name/local" --cache-to "$store,name=$name" -q
done
cp "$work/store/trial/manifests/max" "$work/store/trial/manifests/pr-1<script>document.title='run'<&script>\""
# Blobs that no manifest references.
for number in 1 2 3; do
    head -c $((number * 100000)) /dev/zero >"$work/store/trial/blobs/sha256:$(printf '%064x' "$number")"
done
page="$work/page.html"
"$binary" du "$store" --html "$page" -q

# Nothing can be fetched, and every script or reference would be reported as a violation of the page's own policy.
browse() {
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --proxy-server=127.0.0.1:9 \
        --user-data-dir="$work/profile" --enable-logging=stderr --window-size=1100,1700 "$@" "file://$page" 2>"$work/log"
    if grep -E 'CONSOLE|Content Security Policy' "$work/log"; then
        echo "the browser complained about the page" >&2
        exit 1
    fi
}
browse --dump-dom >"$work/dom.html"
for tag in svg rect table tr '<title'; do
    expected=$(grep -o "<\?${tag}[ >]" "$page" | wc -l)
    found=$(grep -o "<\?${tag}[ >]" "$work/dom.html" | wc -l)
    [ "$found" -ge "$expected" ] && [ "$expected" -gt 0 ] || { echo "$tag: $found of $expected" >&2; exit 1; }
done
grep -q '<script' "$work/dom.html" && { echo "a name became a script" >&2; exit 1; }
grep -q '<title>What fills the build cache</title>' "$work/dom.html" || { echo "the title has changed" >&2; exit 1; }
browse --screenshot="$work/light.png" --blink-settings=preferredColorScheme=1
browse --screenshot="$work/dark.png" --blink-settings=preferredColorScheme=0
for scheme in light dark; do
    [ "$(stat -c %s "$work/$scheme.png")" -gt 20000 ] || { echo "$scheme: nothing was drawn" >&2; exit 1; }
done
# The background is the first pixel, and it is not the same.
python3 - "$work/light.png" "$work/dark.png" <<'PYTHON'
import sys, struct, zlib

def first_pixel(path):
    data, at, packed = open(path, "rb").read(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    # In the first row, the first pixel is the same for every filter.
    return zlib.decompress(packed)[1:4]

light, dark = (sum(first_pixel(path)) for path in sys.argv[1:])
sys.exit(0 if light > 600 and dark < 150 else f"the background is {light} in light and {dark} in dark mode")
PYTHON
echo "the page of du --html is rendered in light and in dark mode by $("$browser" --version)"
