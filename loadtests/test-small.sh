#!/usr/bin/env bash
# An edge and an origin in control groups of 512 MiB each, under load: viewers, chatters, readers that stop, and readers that
# jump about. Neither may be ended for want of memory; what they took at most is said. As root.
#
#   loadtests/test-small.sh [FOLDER OF THE PROGRAMS]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VIEWERS=${VIEWERS:-1000} CHATTERS=${CHATTERS:-500} STOPPED=${STOPPED:-200} SECONDS_EACH=${SECONDS_EACH:-60}
readonly LIMIT=$((512 << 20)) START_WITHIN=90
bin_dir=$(readlink -f "${1:-${CARGO_TARGET_DIR:-target}/release}")
for command in jq curl; do
  command -v "$command" >/dev/null || { echo "$command is missing: infra/setup.sh installs it" >&2; exit 1; }
done

skip() { printf '*** NOT TESTED in 512 MiB: %s ***\n' "$*"; exit 0; }
[ "$(id -u)" = 0 ] || skip "only root can make control groups"

# Version 2 where memory is controlled there, else version 1.
if grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
  root=/sys/fs/cgroup version=2
  grep -qw memory "$root/cgroup.subtree_control" || skip "memory is not controlled below $root"
elif [ -w /sys/fs/cgroup/memory/cgroup.procs ]; then
  root=/sys/fs/cgroup/memory version=1
else
  skip "there is no control group of memory that can be written"
fi

data=$(mktemp -d)
group=$root/farcast-small-$$
demo="" children=()
stop() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  [ -z "$demo" ] || { kill -TERM "$demo" 2>/dev/null || true; wait "$demo" || true; }
  for name in origin edge1; do rmdir "$group-$name" 2>/dev/null || true; done
  rm -rf "$data"
}
trap stop EXIT

confine() { # NAME: a group for a program
  mkdir "$group-$1"
  if [ "$version" = 2 ]; then
    echo "$LIMIT" >"$group-$1/memory.max"
    # What is swapped out would not be missed.
    [ ! -e "$group-$1/memory.swap.max" ] || echo 0 >"$group-$1/memory.swap.max"
  else
    echo "$LIMIT" >"$group-$1/memory.limit_in_bytes"
  fi
}
confine origin
confine edge1

# The programs enter their groups before they begin, so that they size themselves by the limit.
mkdir "$data/bin" "$data/demo"
for program in "$bin_dir"/farcast-*; do
  [ ! -x "$program" ] || [ -d "$program" ] || ln -s "$program" "$data/bin/"
done
for program in origin edge; do
  rm -f "$data/bin/farcast-$program"
  cat >"$data/bin/farcast-$program" <<SCRIPT
#!/bin/sh
case "$program \$*" in
  origin*) echo \$\$ >"$group-origin/cgroup.procs" ;;
  *edge1*) echo \$\$ >"$group-edge1/cgroup.procs" ;;
esac
exec "$bin_dir/farcast-$program" "\$@"
SCRIPT
  chmod +x "$data/bin/farcast-$program"
done

for port in RTMP HTTP QUIC EDGE1 EDGE2 ORIGIN_METRICS EDGE1_METRICS EDGE2_METRICS; do
  export "FARCAST_DEMO_${port}_PORT=0"
done
FARCAST_DEMO_BIN_DIR="$data/bin" FARCAST_DEMO_DATA="$data/demo" infra/demo.sh >"$data/log" 2>&1 &
demo=$!
until grep -q "Press Ctrl-C" "$data/log" 2>/dev/null; do
  kill -0 "$demo" 2>/dev/null && ((SECONDS < START_WITHIN)) || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done
edge="http://127.0.0.1:$(jq -er '.http | sub(".*:"; "")' "$data/demo/edge1.announce.json")"
until curl -fsS "$edge/hls/0/stream.m3u8" 2>/dev/null | grep -q '#EXTINF'; do
  ((SECONDS < START_WITHIN)) || { cat "$data/log" >&2; echo "nothing is on the air" >&2; exit 1; }
  sleep 0.5
done

segment() { # the newest or another whole segment of the source
  curl -fsS "$edge/hls/0/stream.m3u8" | grep -v '^#' | shuf -n 1
}
# Readers that ask for a segment and read next to nothing of it.
for ((i = 0; i < STOPPED; i++)); do
  curl -sS --limit-rate 100 --max-time "$SECONDS_EACH" -A "stopped $i" "$edge/hls/0/$(segment)" -o /dev/null 2>/dev/null &
  children+=($!)
done
# A reader that jumps about, as fast as it is answered.
(while :; do curl -sS -A jumps "$edge/hls/0/$(segment)" -o /dev/null 2>/dev/null || sleep 0.1; done) &
children+=($!)
"$data/bin/farcast-load" chat --url "$edge" --connections "$CHATTERS" --rate 5 --seconds "$SECONDS_EACH" --quiet \
  --json "$data/chat.json" >/dev/null 2>"$data/chat.log" &
chat=$!
children+=("$chat")
status=0
"$data/bin/farcast-load" watch --url "$edge/hls/stream.m3u8" --clients "$VIEWERS" --seconds "$SECONDS_EACH" --quiet \
  --max-stalls 1000000 --max-errors 1000000 --json "$data/watch.json" >/dev/null || status=$?
wait "$chat" || { status=1; tail -5 "$data/chat.log" >&2; }
jq -r '"\(.played) of \(.clients) viewers played, \(.stalls) stalls, \([.errors[]] | add // 0) errors, \(.bytes / 1e6 | floor) MB"' \
  "$data/watch.json"

for name in origin edge1; do
  if [ "$version" = 2 ]; then
    peak=$(cat "$group-$name/memory.peak" 2>/dev/null || cat "$group-$name/memory.current")
    killed=$(awk '$1 == "oom_kill" { print $2 }' "$group-$name/memory.events")
    reached=$(awk '$1 == "max" { print $2 }' "$group-$name/memory.events")
  else
    peak=$(cat "$group-$name/memory.max_usage_in_bytes")
    killed=$(awk '$1 == "oom_kill" { print $2 }' "$group-$name/memory.oom_control")
    reached=$(cat "$group-$name/memory.failcnt")
  fi
  echo "$name: $((peak >> 20)) MiB at most of $((LIMIT >> 20)), limit reached $reached times, ended for want of memory: $killed"
  [ "$killed" = 0 ] || status=1
done
curl -fsS "$edge/readyz" >/dev/null || { echo "the edge is not ready any more" >&2; status=1; }
exit "$status"
