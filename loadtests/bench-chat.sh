#!/usr/bin/env bash
# A chat with many connections on one edge, the generator on the same machine: memory of the edge per idle connection, then
# how soon and how orderly messages are heard by all. Release programs; exit status 1 when a bound is broken.
#
#   loadtests/bench-chat.sh [FOLDER OF THE PROGRAMS]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CONNECTIONS=${CONNECTIONS:-10000} RATE=${RATE:-20} SECONDS_EACH=${SECONDS_EACH:-60} MAX_P99=${MAX_P99:-250ms}
readonly START_WITHIN=60 MAX_IDLE_BYTES=$((20 * 1024))
bin_dir=${1:-${CARGO_TARGET_DIR:-target}/release}
command -v jq >/dev/null || { echo "jq is missing: apt-get install jq" >&2; exit 1; }

data=$(mktemp -d)
demo=""
stop() {
  [ -z "$demo" ] || { kill -TERM "$demo" 2>/dev/null || true; wait "$demo" || true; }
  rm -rf "$data" "$data.log"
}
trap stop EXIT
for port in RTMP HTTP QUIC EDGE1 EDGE2 ORIGIN_METRICS EDGE1_METRICS EDGE2_METRICS; do
  export "FARCAST_DEMO_${port}_PORT=0"
done
FARCAST_DEMO_BIN_DIR=$bin_dir FARCAST_DEMO_DATA=$data infra/demo.sh --no-picture >"$data.log" 2>&1 &
demo=$!
until grep -q "Press Ctrl-C" "$data.log" 2>/dev/null; do
  kill -0 "$demo" 2>/dev/null && ((SECONDS < START_WITHIN)) || { cat "$data.log" >&2; exit 1; }
  sleep 0.1
done
edge="http://127.0.0.1:$(jq -er '.http | sub(".*:"; "")' "$data/edge1.announce.json")"
until curl -fsS "$edge/readyz" >/dev/null 2>&1; do
  ((SECONDS < START_WITHIN)) || { echo "the edge is not ready" >&2; exit 1; }
  sleep 0.1
done
# The edge is the demo's child that serves that port.
pid=$(pgrep -P "$demo" -f "edge1" | head -n 1)

seconds() { # CPU time of the edge so far; the second field is its name in brackets, which may have spaces
  sed 's/.*) //' "/proc/$pid/stat" | awk -v hz="$(getconf CLK_TCK)" '{ print ($12 + $13) / hz }'
}
before=$(seconds)
status=0
"$bin_dir/farcast-load" chat --url "$edge" --connections "$CONNECTIONS" --rate "$RATE" --seconds "$SECONDS_EACH" \
  --max-p99 "$MAX_P99" --process "$pid" --json "$data/report.json" || status=$?
awk -v before="$before" -v after="$(seconds)" \
  'BEGIN { printf "the edge took %.1f s of CPU time, with the registrations\n", after - before }'
bytes=$(jq -er '[.. | objects | .bytes_per_connection? // empty][0]' "$data/report.json")
echo "an idle connection takes $bytes bytes of the edge's memory, of $MAX_IDLE_BYTES allowed"
awk -v bytes="$bytes" -v most="$MAX_IDLE_BYTES" 'BEGIN { exit !(bytes <= most) }'
exit "$status"
