#!/usr/bin/env bash
# How many /api/status and /api/config an edge answers on one core, with a page of usual size, beside nginx handing out a
# file of the same bytes on the same core; wrk asks from another. The CPU time of a request compares them where the machine
# is shared. Before that: how soon a setting that was changed through one edge is seen on the other. Release programs.
#
#   loadtests/bench-api.sh [FOLDER OF THE PROGRAMS]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SECONDS_EACH=${SECONDS_EACH:-10} CONNECTIONS=${CONNECTIONS:-16} START_WITHIN=60
bin_dir=${1:-${CARGO_TARGET_DIR:-target}/release}
for tool in wrk nginx taskset jq; do
  PATH="$PATH:/usr/sbin" command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install wrk nginx-light util-linux jq" >&2; exit 1; }
done

data=$(mktemp -d)
key="bench-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"
demo="" rival=""
stop() {
  [ -z "$rival" ] || kill -TERM "$rival" 2>/dev/null || true
  [ -z "$demo" ] || { kill -TERM "$demo" 2>/dev/null || true; wait "$demo" || true; }
  rm -rf "$data" "$data.log"
}
trap stop EXIT
for port in RTMP HTTP QUIC EDGE1 EDGE2 ORIGIN_METRICS EDGE1_METRICS EDGE2_METRICS; do
  export "FARCAST_DEMO_${port}_PORT=0"
done
# All programs on the first core, wrk on the second.
FARCAST_DEMO_BIN_DIR=$bin_dir FARCAST_DEMO_DATA=$data FARCAST_STREAM_KEY=$key \
  taskset -c 0 infra/demo.sh --no-picture >"$data.log" 2>&1 &
demo=$!
until grep -q "Press Ctrl-C" "$data.log" 2>/dev/null; do
  kill -0 "$demo" 2>/dev/null && ((SECONDS < START_WITHIN)) || { cat "$data.log" >&2; exit 1; }
  sleep 0.1
done
edge="http://127.0.0.1:$(jq -er '.http | sub(".*:"; "")' "$data/edge1.announce.json")"
page=$(head -c 3000 /dev/zero | tr '\0' 'x')
curl -fsS -u "admin:$key" -d "{\"value\":\"$page\"}" "$edge/api/admin/config/pagecontent" >/dev/null

second="http://127.0.0.1:$(jq -er '.http | sub(".*:"; "")' "$data/edge2.announce.json")"
python3 - "$edge" "$second" "$key" <<'END'
import base64, http.client, json, sys, time

def connect(url):
    return http.client.HTTPConnection(url.removeprefix("http://"))

first, second = connect(sys.argv[1]), connect(sys.argv[2])
login = {"Authorization": "Basic " + base64.b64encode(f"admin:{sys.argv[3]}".encode()).decode()}
answered, seen = [], []
for number in range(100):
    title = f"title {number}"
    began = time.perf_counter()
    first.request("POST", "/api/admin/config/streamtitle", json.dumps({"value": title}), login)
    reply = first.getresponse()
    assert reply.status == 200, reply.read()
    reply.read()
    answered.append(time.perf_counter() - began)
    while True:
        second.request("GET", "/api/config")
        if json.load(second.getresponse()).get("streamTitle") == title:
            break
    seen.append(time.perf_counter() - began)
for what, took in (("answered", answered), ("seen on the other edge", seen)):
    took.sort()
    print(f"a change, {what}: p50 {took[50] * 1e3:.1f} ms, p99 {took[98] * 1e3:.1f} ms, most {took[99] * 1e3:.1f} ms")
END

# The rival hands out the same bytes as files.
mkdir -p "$data/www/api" "$data/nginx"
for path in api/status api/config; do curl -fsS "$edge/$path" >"$data/www/$path"; done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$data/nginx.conf" <<END
worker_processes 1;
pid $data/nginx/pid;
error_log $data/nginx/error.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000; default_type application/json; sendfile on; open_file_cache max=100;
  client_body_temp_path $data/nginx/a; proxy_temp_path $data/nginx/b; fastcgi_temp_path $data/nginx/c;
  uwsgi_temp_path $data/nginx/d; scgi_temp_path $data/nginx/e;
  server { listen 127.0.0.1:$port; root $data/www; }
}
END
chmod -R a+rX "$data"
PATH="$PATH:/usr/sbin" taskset -c 0 nginx -c "$data/nginx.conf" -g "daemon off;" &
rival=$!

ticks() { # ticks PROGRAM PARENT: CPU time of a process's children of that name, in the kernel's ticks
  local pid sum=0
  for pid in $(pgrep -x -P "$2" "$1"); do
    # The second field is the name in brackets, which may have spaces.
    sum=$((sum + $(sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }')))
  done
  echo "$sum"
}
ask() { # ask NAME URL PROGRAM PARENT
  local before
  before=$(ticks "$3" "$4")
  taskset -c 1 wrk -t1 -c"$CONNECTIONS" -d"${SECONDS_EACH}s" --latency "$2" >"$data/wrk"
  awk -v name="$1" -v ticks="$(($(ticks "$3" "$4") - before))" -v hz="$(getconf CLK_TCK)" '/99%/ { p99 = $2 }
    /requests in/ { each = ticks / hz / $1 * 1e6 }
    /Requests\/sec/ { printf "%-18s %9.0f requests/s   p99 %-8s %6.2f us of CPU each\n", name, $2, p99, each }
    /Non-2xx|Socket errors/ { print; bad = 1 } END { exit bad }' "$data/wrk"
}
for path in api/status api/config; do
  ask "edge /$path" "$edge/$path" farcast-edge "$demo"
  ask "nginx /$path" "http://127.0.0.1:$port/$path" nginx "$rival"
done
