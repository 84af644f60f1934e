#!/usr/bin/env bash
# How many DNS queries Farcast's server answers on one core, beside Knot and NSD with the same zone on the same core; dnsperf
# asks from another. The CPU time of a query (user and system, of all processes of a server) compares them where the machine
# is shared; each is asked in turn, ROUNDS times. Release programs.
#
#   loadtests/bench-dns.sh [THE PROGRAM: the example serve_zone of farcast-dns]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SECONDS_EACH=${SECONDS_EACH:-10} ROUNDS=${ROUNDS:-3} START_WITHIN=20 ZONE=live.example.org
# Least share of the better rival's CPU time of a query.
readonly BOUND=0.5
program=${1:-${CARGO_TARGET_DIR:-target}/release/examples/serve_zone}
PATH="$PATH:/usr/sbin"
for tool in dnsperf knotd nsd dig taskset; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install dnsperf knot nsd bind9-dnsutils util-linux" >&2; exit 1; }
done

data=$(mktemp -d)
declare -A leader=() port=()
stop() {
  for name in "${!leader[@]}"; do kill -TERM -- "-${leader[$name]}" 2>/dev/null || true; done
  wait
  rm -rf "$data"
}
trap stop EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
for name in farcast knot nsd; do port[$name]=$(free_port); done

addresses=(192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 2001:db8::2)
{
  echo "\$ORIGIN $ZONE."
  echo "@ 3600 SOA ns1 hostmaster 1 3600 3600 604800 10"
  echo "@ 3600 NS ns1"
  for owner in ns1 @ www; do
    for address in "${addresses[@]}"; do
      case $address in *:*) kind=AAAA ;; *) kind=A ;; esac
      echo "$owner 20 $kind $address"
    done
  done
} >"$data/zone"
cat >"$data/knot.conf" <<CONF
server:
    rundir: $data/knot
    listen: 127.0.0.1@${port[knot]}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: $data/knot
zone:
  - domain: $ZONE
    file: $data/zone
    zonefile-sync: -1
CONF
cat >"$data/nsd.conf" <<CONF
server:
    ip-address: 127.0.0.1
    port: ${port[nsd]}
    server-count: 1
    username: ""
    zonesdir: $data
    database: ""
    pidfile: $data/nsd.pid
    xfrdfile: $data/xfrd
    xfrdir: $data
    zonelistfile: $data/zones
    minimal-responses: yes
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: $ZONE
    zonefile: $data/zone
CONF
mkdir "$data/knot"

# What viewers' resolvers ask, and a little of what they should not.
for _ in 1 2 3 4; do echo "$ZONE A"; echo "www.$ZONE A"; echo "$ZONE AAAA"; done >"$data/queries"
{ echo "nobody.$ZONE A"; echo "$ZONE NS"; } >>"$data/queries"

start() { # start NAME COMMAND...: in a session of its own, on the first core
  local name=$1
  shift
  setsid taskset -c 0 "$@" >"$data/$name.log" 2>&1 &
  leader[$name]=$!
  until dig +short +tries=1 +time=1 @127.0.0.1 -p "${port[$name]}" "$ZONE" A 2>/dev/null | grep -qx 192.0.2.1; do
    kill -0 "${leader[$name]}" 2>/dev/null && ((SECONDS < START_WITHIN)) || { cat "$data/$name.log" >&2; exit 1; }
    sleep 0.1
  done
}
listed=()
for address in "${addresses[@]}"; do listed+=(--address "$address"); done
start farcast "$program" --unlimited --zone "$ZONE" --listen "127.0.0.1:${port[farcast]}" "${listed[@]}"
start knot knotd -c "$data/knot.conf"
start nsd nsd -d -c "$data/nsd.conf"

ticks() { # ticks SESSION: CPU time of all its processes, in the kernel's ticks
  local pid sum=0
  for pid in $(pgrep -s "$1"); do
    # The second field is the name in brackets, which may have spaces.
    sum=$((sum + $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | awk '{ print $12 + $13 }')))
  done
  echo "$sum"
}

ask() { # ask NAME HOW OPTIONS...: one line in the table of results
  local name=$1 how=$2 before
  shift 2
  before=$(ticks "${leader[$name]}")
  taskset -c 1 dnsperf -s 127.0.0.1 -p "${port[$name]}" -d "$data/queries" -l "$SECONDS_EACH" -T 1 "$@" >"$data/out" 2>&1 ||
    { cat "$data/out" >&2; exit 1; }
  awk -v name="$name" -v how="$how" -v ticks="$(($(ticks "${leader[$name]}") - before))" -v hz="$(getconf CLK_TCK)" '
    /Queries completed:/ { completed = $3 }
    /Queries lost:/ { lost = $3 }
    /Queries per second:/ { rate = $4 }
    END { printf "%s %s %.0f %.3f %d\n", how, name, rate, ticks / hz / completed * 1e6, lost }' "$data/out" | tee -a "$data/results" |
    awk '{ printf "%-5s %-8s %9.0f queries/s   %7.3f us of CPU each   %d lost\n", $1, $2, $3, $4, $5 }'
}
for ((round = 0; round < ROUNDS; round++)); do
  for name in farcast knot nsd; do ask "$name" udp -c 8 -q 256 -e; done
  for name in farcast knot nsd; do ask "$name" tcp -m tcp -c 8 -q 256 -e; done
done

# Means of the rounds; the rival is the one that takes less.
awk -v bound="$BOUND" '
  { sum[$1, $2] += $4; count[$1, $2]++; hows[$1] }
  END {
    for (how in hows) {
      for (rival in sum) mean[rival] = sum[rival] / count[rival]
      knot = mean[how, "knot"]; nsd = mean[how, "nsd"]; own = mean[how, "farcast"]
      printf "%s: %.3f of Knot, %.3f of NSD (their CPU time of a query by ours)\n", how, knot / own, nsd / own
      if (how == "udp" && (knot < nsd ? knot : nsd) / own < bound) bad = 1
    }
    if (bad) print "below the bound of " bound
    exit bad
  }' SUBSEP="\034" "$data/results"
