#!/usr/bin/env bash
# One origin, two edges and (without --no-picture) a moving test picture and a bot that talks, on this machine, until Ctrl-C.
#
# Settings, all optional (a port of 0 takes a free one):
#   FARCAST_DEMO_RTMP_PORT=1935          FARCAST_DEMO_EDGE1_PORT=8080    FARCAST_DEMO_EDGE2_PORT=8081
#   FARCAST_DEMO_HTTP_PORT=8090          FARCAST_DEMO_QUIC_PORT=4433
#   FARCAST_DEMO_ORIGIN_METRICS_PORT=9190  FARCAST_DEMO_EDGE1_METRICS_PORT=9191  FARCAST_DEMO_EDGE2_METRICS_PORT=9192
#   FARCAST_DEMO_DATA=./data             where state, logs and the stream key are kept
#   FARCAST_DEMO_HOST=localhost          name of this machine, by which viewers who leave one edge reach the other
#   FARCAST_DEMO_BIN_DIR=                binaries to use as they are: nothing is installed or built
# The programs' own settings (FARCAST_LATENCY_LEVEL=0, FARCAST_STREAM_KEY=…) reach them as usual. Edges pass the admin API
# on to the origin (forward_admin), so that everything is under the first edge's address.
set -euo pipefail
cd "$(dirname "$0")/.."

# Seconds within which a program must be healthy, and a broadcast visible on an edge.
readonly HEALTHY_WITHIN=30 ON_AIR_WITHIN=30
# Seconds that programs have to drain after SIGTERM: longer than their own deadlines.
readonly STOPPED_WITHIN=20
# Seconds of these that the publisher has for its goodbye.
readonly GOODBYE_WITHIN=5
# Seconds after which an edge that was killed is started again.
readonly BACK_AFTER=30

picture=yes
case "${1-}" in
  "") ;;
  --no-picture) picture=no ;;
  *)
    echo "usage: infra/demo.sh [--no-picture]" >&2
    exit 2
    ;;
esac

rtmp_port=${FARCAST_DEMO_RTMP_PORT:-1935}
http_port=${FARCAST_DEMO_HTTP_PORT:-8090}
quic_port=${FARCAST_DEMO_QUIC_PORT:-4433}
edge_ports=("${FARCAST_DEMO_EDGE1_PORT:-8080}" "${FARCAST_DEMO_EDGE2_PORT:-8081}")
origin_metrics_port=${FARCAST_DEMO_ORIGIN_METRICS_PORT:-9190}
edge_metrics_ports=("${FARCAST_DEMO_EDGE1_METRICS_PORT:-9191}" "${FARCAST_DEMO_EDGE2_METRICS_PORT:-9192}")
data=${FARCAST_DEMO_DATA:-./data}
host=${FARCAST_DEMO_HOST:-localhost}
# Two regions, as if the edges stood there.
regions=("Frankfurt, eu-central" "Paris, eu-west")
places=("50.11,8.68" "48.86,2.35")
bin_dir=${FARCAST_DEMO_BIN_DIR-}
given_key=${FARCAST_STREAM_KEY-}

# Each program is to see its own settings only: one that belongs to the other is a spelling mistake to it.
for name in $(compgen -A export FARCAST_DEMO_ || true); do unset "$name"; done
without=(env)
for name in JOIN_TOKEN JOIN_TOKEN_FILE HTTPS_LISTEN CACHE_SIZE NAME FORWARD_ADMIN TRUSTED_PROXIES MAX_CONNECTIONS_PER_NETWORK \
  FRAME_ANCESTORS HSTS_MAX_AGE PUBLIC_URLS PUBLIC_ADDRESSES REGION COORDINATES EGRESS_CAPACITY_MBIT; do without+=(-u "FARCAST_$name"); done
for_origin=("${without[@]}")
without=(env)
for name in STREAM_KEY ALLOW_SHORT_KEYS RTMP_LISTEN RTMPS_LISTEN QUIC_LISTEN QUIC_ADVERTISE LATENCY_LEVEL VIDEO_CODEC \
  RECONNECT_GRACE DIRECTORY JOIN_TOKEN JOIN_TOKEN_LIFETIME TRANSCODER_PROCESS TRANSCODER_MEMORY THUMBNAILS \
  BACKUP_EVERY BACKUP_KEEP BACKUP_DIR EDGE_METRICS; do without+=(-u "FARCAST_$name"); done
for_edge=("${without[@]}")

say() { printf '%s\n' "$@"; }

# --- Programs: started in sessions of their own, so that Ctrl-C reaches only this script, which stops them in order.

names=()
pids=()

start() { # start NAME COMMAND…: output goes to its log
  local name=$1
  shift
  setsid "$@" </dev/null >"$data/log/$name.log" 2>&1 &
  names+=("$name")
  pids+=("$!")
}

stop_all() {
  trap '' INT TERM
  local i pid deadline=$((SECONDS + STOPPED_WITHIN)) goodbye=$((SECONDS + GOODBYE_WITHIN))
  # The publisher first, so that its goodbye is heard and the broadcast ends; then all others at once.
  for i in "${!pids[@]}"; do
    if [ "${names[i]}" = publisher ]; then
      kill -TERM "${pids[i]}" 2>/dev/null || true
      while kill -0 "${pids[i]}" 2>/dev/null && ((SECONDS < goodbye)); do sleep 0.1; done
    fi
  done
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill -TERM "${pids[i]}" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    while kill -0 "$pid" 2>/dev/null; do
      if ((SECONDS >= deadline)); then
        kill -KILL "$pid" 2>/dev/null || true
        break
      fi
      sleep 0.1
    done
    wait "$pid" || true
  done
  pids=()
}

stopped_by_user() {
  say "" "Stopping …"
  stop_all
  say "Stopped."
  exit 0
}

fail() { # fail MESSAGE [LOG NAME]
  printf '\n%s\n' "$1" >&2
  if [ -n "${2-}" ] && [ -s "$data/log/$2.log" ]; then
    printf 'The end of %s:\n' "$data/log/$2.log" >&2
    tail -n 20 "$data/log/$2.log" | sed 's/^/  | /' >&2
  fi
  stop_all
  exit 1
}

check_alive() {
  local i
  for i in "${!pids[@]}"; do
    kill -0 "${pids[i]}" 2>/dev/null || fail "${names[i]} has stopped." "${names[i]}"
  done
}

await() { # await SECONDS WHAT LOG-NAME COMMAND…: until the command succeeds, all programs alive
  local deadline=$((SECONDS + $1)) what=$2 log=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    check_alive
    ((SECONDS < deadline)) || fail "$what took too long." "$log"
    sleep 0.1
  done
}

# --- Ports

taken() { # taken tcp|udp PORT: whether a local socket has the port, from the kernel's own tables
  local hex state
  hex=$(printf '%04X' "$2")
  [ "$1" = tcp ] && state=0A || state=07
  cat "/proc/net/$1" "/proc/net/${1}6" 2>/dev/null |
    awk -v port=":$hex" -v state="$state" \
      'substr($2, length($2) - 4) == port && $4 == state { found = 1 } END { exit !found }'
}

check_ports() {
  local line protocol port variable problems=0
  while read -r protocol port variable; do
    if ! [[ $port =~ ^[0-9]{1,5}$ ]] || ((port > 65535)); then
      printf '%s is no port: %s\n' "FARCAST_DEMO_$variable" "$port" >&2
      problems=1
    elif ((port != 0)) && taken "$protocol" "$port"; then
      printf 'Port %s/%s is taken by another program. Stop that, or set FARCAST_DEMO_%s to another port.\n' \
        "$port" "$protocol" "$variable" >&2
      problems=1
    fi
  done <<END
tcp $rtmp_port RTMP_PORT
tcp $http_port HTTP_PORT
udp $quic_port QUIC_PORT
tcp ${edge_ports[0]} EDGE1_PORT
tcp ${edge_ports[1]} EDGE2_PORT
tcp $origin_metrics_port ORIGIN_METRICS_PORT
tcp ${edge_metrics_ports[0]} EDGE1_METRICS_PORT
tcp ${edge_metrics_ports[1]} EDGE2_METRICS_PORT
END
  ((problems == 0)) || exit 1
}

# --- The stream key: the origin keeps only a hash of it, so this script keeps the key that it preset.

choose_key() {
  local kept="$data/demo-stream-key"
  if [ -s "$kept" ]; then
    key=$(<"$kept")
    [ -z "$given_key" ] || [ "$given_key" = "$key" ] ||
      say "FARCAST_STREAM_KEY is ignored: the key of the first start holds. Remove $data to begin anew."
    return
  fi
  [ ! -e "$data/join-token" ] ||
    fail "An origin was started in $data before, with a key that this script does not know.
Write that key into $kept, or set FARCAST_DEMO_DATA to another folder."
  key=${given_key:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}
  printf '%s\n' "$key" >"$kept"
}

# --- The picture

can_draw_text() {
  ffmpeg -nostdin -v quiet -f lavfi -i color=size=64x64:duration=0.1 -vf drawtext=text=x -f null - 2>/dev/null
}

publish() {
  # Without a font the picture still shows testsrc2's own running time.
  local clock=""
  if can_draw_text; then
    printf '%s' '%{localtime:%H\:%M\:%S}  frame %{frame_num}' >"$data/clock.txt"
    clock=",drawtext=textfile=clock.txt:fontsize=64:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=16"
    clock+=":x=(w-text_w)/2:y=h-text_h-48"
  fi
  # In the data folder, so that no path has to survive the quoting rules of filters.
  start publisher env -C "$data" ffmpeg -nostdin -hide_banner -loglevel warning \
    -re -f lavfi -i "testsrc2=size=1280x720:rate=30$clock" \
    -re -f lavfi -i "sine=frequency=330:beep_factor=3:sample_rate=48000,volume=0.3" \
    -c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p \
    -g 60 -keyint_min 60 -sc_threshold 0 -b:v 2500k -maxrate 2500k -bufsize 2500k \
    -c:a aac -b:a 128k -ac 2 \
    -f flv "rtmp://127.0.0.1:$rtmp_port/live/$key"
}

# --- The bot

talk() { # Where the password was changed since it cannot have a token, and there is none.
  local token="$data/demo-bot-token" origin
  origin="http://127.0.0.1:$(port_of origin http)"
  if [ ! -s "$token" ]; then
    curl -fsS -m 5 -u "admin:$key" -H 'Content-Type: application/json' \
      --data '{ "name": "Demo bot", "scopes": ["CAN_SEND_MESSAGES"] }' "$origin/api/admin/accesstokens/create" 2>/dev/null |
      jq -er .accessToken >"$token" || return 0
  fi
  start bot infra/demo-bot.sh "$origin" "$token"
}

# --- Life of the demo

trap stopped_by_user INT TERM
check_ports
if [ -z "$bin_dir" ]; then
  say "Building (the first time takes some minutes) …"
  make --no-print-directory build
  bin_dir=${CARGO_TARGET_DIR:-target}/release
fi

umask 077
mkdir -p "$data/log"
data=$(cd "$data" && pwd)
key=""
choose_key
rm -f "$data"/*.announce.json "$data/join-token"

port_of() { jq -er ".$2 | sub(\".*:\"; \"\") | tonumber" "$data/$1.announce.json"; }
healthy() { curl -fsS -m 2 "http://127.0.0.1:$1/healthz"; }

say "Starting the origin …"
start origin "${for_origin[@]}" FARCAST_STREAM_KEY="$key" "$bin_dir/farcast-origin" \
  --data-dir "$data" --rtmp-listen "0.0.0.0:$rtmp_port" --http-listen "0.0.0.0:$http_port" \
  --quic-listen "127.0.0.1:$quic_port" --metrics-listen "127.0.0.1:$origin_metrics_port" \
  --announce "$data/origin.announce.json"
await "$HEALTHY_WITHIN" "The origin's start" origin test -s "$data/origin.announce.json"
rtmp_port=$(port_of origin rtmp)
origin_metrics_port=$(port_of origin metrics)
await "$HEALTHY_WITHIN" "The origin's start" origin healthy "$origin_metrics_port"
await "$HEALTHY_WITHIN" "The origin's join token" origin test -s "$data/join-token"

start_edge() { # start_edge NUMBER: from 0
  local i=$1 edge=edge$(($1 + 1)) public=()
  # With a port that the system chooses nobody knows the address yet: then viewers are led nowhere.
  ((edge_ports[i] == 0)) || public=(--public-urls "http://$host:${edge_ports[i]}")
  start "$edge" "${for_edge[@]}" "$bin_dir/farcast-edge" "${public[@]}" \
    --region "${regions[i]}" --coordinates "${places[i]}" \
    --data-dir "$data/$edge" --name "$edge" --join-token-file "$data/join-token" --forward-admin \
    --http-listen "0.0.0.0:${edge_ports[i]}" --metrics-listen "127.0.0.1:${edge_metrics_ports[i]}" \
    --announce "$data/$edge.announce.json"
}

say "Starting two edges …"
for i in 0 1; do start_edge "$i"; done
for i in 0 1; do
  edge=edge$((i + 1))
  await "$HEALTHY_WITHIN" "The start of $edge" "$edge" test -s "$data/$edge.announce.json"
  edge_ports[i]=$(port_of "$edge" http)
  edge_metrics_ports[i]=$(port_of "$edge" metrics)
  await "$HEALTHY_WITHIN" "The start of $edge" "$edge" healthy "${edge_metrics_ports[i]}"
done

if [ "$picture" = yes ]; then
  say "Publishing the test picture …"
  publish
  for i in 0 1; do
    await "$ON_AIR_WITHIN" "The broadcast's way to edge$((i + 1))" "edge$((i + 1))" \
      curl -fsS -m 5 "http://127.0.0.1:${edge_ports[i]}/hls/stream.m3u8"
  done
  talk
fi

cat <<END

  Page      http://localhost:${edge_ports[0]}/  (edge 1)
            http://localhost:${edge_ports[1]}/  (edge 2)
  Playlist  http://localhost:${edge_ports[0]}/hls/stream.m3u8
  Status    http://localhost:${edge_ports[0]}/api/status
  Admin     http://localhost:${edge_ports[0]}/admin/  (user admin, password: the stream key)
  Failover  kill -9 ${pids[1]}: edge 1 dies, and a page that plays there goes on at edge 2
  Metrics   http://localhost:$origin_metrics_port/metrics  (origin)
            http://localhost:${edge_metrics_ports[0]}/metrics  (edge 1)
            http://localhost:${edge_metrics_ports[1]}/metrics  (edge 2)

  RTMP server  rtmp://localhost:$rtmp_port/live
  Stream key   $key

  State and logs are in $data. From another machine use this one's name in place of localhost.
END
[ "$picture" = yes ] || printf '\n  In OBS: Settings, Stream, Service "Custom…", with that server and key.\n'
printf '\nPress Ctrl-C to stop.\n'

while true; do
  status=0
  wait -n -p gone "${pids[@]}" || status=$?
  for i in "${!pids[@]}"; do
    if [ "${pids[i]}" = "${gone-}" ]; then
      name=${names[i]}
      unset 'pids[i]' 'names[i]'
      pids=("${pids[@]}") names=("${names[@]}")
      case $name in
        # For all to see what becomes of its viewers.
        edge*)
          say "$name has stopped (exit status $status). It is started again in $BACK_AFTER s."
          start "back $name" sleep "$BACK_AFTER"
          ;;
        back\ edge*)
          start_edge $((${name#back edge} - 1))
          say "${name#back } is started again."
          ;;
        *) fail "$name has stopped (exit status $status)." "$name" ;;
      esac
      break
    fi
  done
done
