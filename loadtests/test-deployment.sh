#!/usr/bin/env bash
# The life of a deployment, from packages to its second origin: three machines, each an empty Debian in a network namespace.
#
#   packages made, installed; origin and two edges started as their units say; edges joined by the pasted line
#   a certificate for HTTPS by ACME, found by Farcast's own DNS, and renewed
#   a broadcast, watched over HTTPS with HTTP/2
#   an Owncast server taken over: its bot speaks with the token that it has
#   a newer version, the origin first, then one edge after the other, under viewers of whom no request fails
#   backup, the origin's disk lost, restored: the bot speaks again, viewers watch again
#
# As root, since it makes namespaces; nothing of it is left afterwards. FARCAST_BIN_DIR: programs that are not compiled again.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8
# shellcheck source=loadtests/machines.sh
. loadtests/machines.sh

# The zone, and the machines in it.
readonly ZONE=live.example.org MACHINES=(origin fra par)
readonly HUB=10.77.0.1
declare -rA ADDRESS=([origin]=10.77.0.10 [fra]=10.77.0.11 [par]=10.77.0.12)
# Lifetime of certificates, in seconds; they are renewed when half of it is over.
readonly LIFETIME=100
# The version that the upgrade brings.
readonly NEWER=0.1.0-99
readonly BOT=bot-token-000000000000000000000000000000000=
readonly LOAD=${FARCAST_BIN_DIR:-target/release}/farcast-load

[ "$(id -u)" = 0 ] || fail "run this as root"

# The packages once more, with a greater number.
newer_packages() {
  local program package tree=$work/newer
  mkdir -p "$work/newer-debs"
  for program in "${PROGRAMS[@]}"; do
    package=$(compgen -G "$DIST/${program}_*.deb")
    rm -rf "$tree"
    dpkg-deb --raw-extract "$package" "$tree"
    sed -i "s/^Version: .*/Version: $NEWER/" "$tree/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$tree" "$work/newer-debs/${program}_$NEWER.deb" >/dev/null
  done
  rm -rf "$tree"
}

# What has this machine's network is in the namespace of its name; what has its files in the root of its name.
on() { machine=$1 root=$work/$1 "${@:2}"; }
in_machine() { ip netns exec "$machine" chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

network() {
  local machine root
  ip link set lo up
  mkdir -p /run/netns
  mount -t tmpfs tmpfs /run/netns
  ip link add hub type bridge
  ip address add "$HUB/24" dev hub
  ip link set hub up
  for machine in "${MACHINES[@]}"; do
    root=$work/$machine
    ip netns add "$machine"
    ip link add "to-$machine" type veth peer name eth0 netns "$machine"
    ip link set "to-$machine" master hub up
    ip -n "$machine" address add "${ADDRESS[$machine]}/24" dev eth0
    ip -n "$machine" link set lo up
    ip -n "$machine" link set eth0 up
    # Each machine's files are the common ones and its own changes.
    mkdir -p "$root" "$work/own/$machine" "$work/scratch/$machine"
    mount -t overlay overlay -o "lowerdir=$work/base,upperdir=$work/own/$machine,workdir=$work/scratch/$machine" "$root"
    mount --bind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    echo "$machine" >"$root/etc/hostname"
  done
  # Viewers, encoder and authority are on the hub, and ask the edges' DNS.
  printf 'nameserver %s\nnameserver %s\noptions timeout:1 attempts:3\n' "${ADDRESS[fra]}" "${ADDRESS[par]}" >"$work/resolv.conf"
  mount --bind "$work/resolv.conf" /etc/resolv.conf
}

authority() {
  say "an authority that speaks ACME"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority \
    -addext "subjectAltName=IP:$HUB" -addext basicConstraints=critical,CA:FALSE -keyout "$work/pebble.key" -out "$work/pebble.pem" 2>/dev/null
  jq -n --arg at "$HUB" --arg pem "$work/pebble.pem" --arg key "$work/pebble.key" --argjson life "$LIFETIME" '{pebble: {
    listenAddress: ($at + ":14000"), managementListenAddress: ($at + ":15000"), certificate: $pem, privateKey: $key,
    httpPort: 80, tlsPort: 443, certificateValidityPeriod: $life}}' >"$work/pebble.json"
  PEBBLE_VA_NOSLEEP=1 pebble -config "$work/pebble.json" -strict -dnsserver "${ADDRESS[fra]}:53" >"$work/pebble.log" 2>&1 &
  until_true "the authority" curl -sf --cacert "$work/pebble.pem" "https://$HUB:15000/roots/0" -o "$work/authority.pem"
  cp "$work/pebble.pem" "$work/origin/etc/farcast/authority.pem"
}

# Waits for a command to succeed: what is awaited, the command.
until_true() {
  local what=$1 ends=$((SECONDS + ${PATIENCE_OF:-PATIENCE}))
  shift
  until "$@" 2>/dev/null; do
    [ $SECONDS -lt $ends ] || { tail -n 40 "$work"/*.log >&2; fail "$what: not within $PATIENCE s"; }
    sleep 0.2
  done
}

start_origin() {
  on origin as_unit farcast-origin "$work/origin.log"
  origin=$started
  on origin ready 9190 "$work/origin.log"
}

stop_origin() {
  kill -TERM "$origin"
  wait "$origin" || fail "the origin ended with status $?"
}

# The names lead to the edges before the authority is asked for them.
ask_for_certificates() {
  cat >>"$work/origin/etc/farcast/origin.toml" <<END
acme_domains = "$ZONE, fra.$ZONE, par.$ZONE"
acme_directory = "https://$HUB:14000/dir"
acme_root = "/etc/farcast/authority.pem"
acme_challenges = "http-01"
END
  stop_origin
  start_origin
}

join() {
  say "$1: joined by the pasted line"
  # Word by word as a shell takes it.
  # shellcheck disable=SC2046
  on "$1" in_machine $(on origin in_machine farcast-origin join-command) --name "$1" --public-urls "https://$1.$ZONE" \
    --public-addresses "${ADDRESS[$1]}" --http-listen 0.0.0.0:80 --https-listen 0.0.0.0:443 --https-redirect \
    --dns-listen 0.0.0.0:53 --dns-zone "$ZONE" --dns-name-servers "ns1.$ZONE=${ADDRESS[fra]}, ns2.$ZONE=${ADDRESS[par]}" \
    >"$work/joined" 2>&1 || { cat "$work/joined"; fail "the line fails"; }
  grep -E '^(ok|warning|problem) +origin ' "$work/joined"
  on "$1" as_unit farcast-edge "$work/$1.log"
  on "$1" ready 9191 "$work/$1.log"
}

# A request to a host of the zone over HTTPS, with the authority's certificate.
get() { curl -sS --fail --cacert "$work/authority.pem" --http2 "$@"; }

# The serial number of the certificate that an edge shows.
serial() {
  openssl s_client -connect "${ADDRESS[$1]}:443" -servername "$1.$ZONE" -CAfile "$work/authority.pem" -verify_return_error \
    </dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null
}

certificate() {
  say "a certificate for HTTPS, by ACME, on both edges"
  local edge
  for edge in fra par; do
    until_true "$edge has a certificate" get "https://$edge.$ZONE/healthz" -o "$work/health"
    first[$edge]=$(serial "$edge")
    echo "$edge: ${first[$edge]}"
  done
  [ "${first[fra]}" = "${first[par]}" ] || fail "the edges have two certificates"
  local answer
  answer=$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' "http://fra.$ZONE/watch")
  [ "$answer" = "308 https://fra.$ZONE/watch" ] || fail "HTTP is answered $answer"
}

leads_to_both() { [ "$(dig +short "$ZONE" | sort | tr '\n' ' ')" = "${ADDRESS[fra]} ${ADDRESS[par]} " ]; }

names() {
  say "$ZONE, by the DNS of the edges"
  until_true "DNS leads to both edges" leads_to_both
  dig +noall +answer "$ZONE" "fra.$ZONE" "par.$ZONE"
}

is_renewed() { [ -n "$(serial "$1")" ] && [ "$(serial "$1")" != "${first[$1]}" ]; }

renewed() {
  say "renewed, on both edges"
  local edge
  for edge in fra par; do
    PATIENCE_OF=$LIFETIME until_true "$edge has another certificate" is_renewed "$edge"
    echo "$edge: $(serial "$edge")"
  done
}

# An encoder that comes back when the origin does.
encoder() {
  local key
  key=$(sed -n 's/^stream key, shown this once: //p' "$work/origin.log")
  [ -n "$key" ] || fail "the origin shows no stream key"
  echo "$key" >"$work/key"
  (
    while :; do
      ffmpeg -nostdin -loglevel error -re -f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine -c:v libx264 -preset ultrafast \
        -tune zerolatency -g 30 -pix_fmt yuv420p -c:a aac -f flv "rtmp://${ADDRESS[origin]}:1935/live/$key" || true
      sleep 0.2
    done
  ) >>"$work/ffmpeg.log" 2>&1 &
}

is_live() { get "https://$1.$ZONE/hls/0/stream.m3u8" 2>/dev/null | grep -q '^#EXT-X-PART:'; }

# Viewers for some seconds, in the background; in the end none of their requests may have failed.
watchers() {
  "$LOAD" watch --url "https://fra.$ZONE/hls/stream.m3u8" --url "https://par.$ZONE/hls/stream.m3u8" --ca "$work/authority.pem" \
    --http2 --clients 20 --ramp 1 --json "$work/watched.json" "$@" >"$work/watched" 2>&1
}

shown() {
  jq -r '"\(.played) of \(.clients) viewers played \(.seconds | floor) s: \(.stalls) stalls, \(.errors | length) errors, " +
    "\(.media) parts, \(.playlists) playlists"' "$work/watched.json"
}

watch_it() {
  say "a broadcast, watched over HTTPS with HTTP/2"
  local edge said
  for edge in fra par; do
    until_true "$edge has the broadcast" is_live "$edge"
    said=$(get -o /dev/null -w '%{http_version} %{content_type}' "https://$edge.$ZONE/hls/stream.m3u8")
    echo "$edge: HTTP/$said"
    [ "$said" = "2 application/vnd.apple.mpegurl" ] || fail "that is not HTTP/2"
  done
  watchers --seconds 8 || { cat "$work/watched"; fail "viewers were disturbed"; }
  shown
}

# The bot of the Owncast server speaks with the token that it has there; a viewer of an edge reads it.
bot_speaks() {
  local token text="beep $RANDOM"
  token=$(get -X POST -d '{}' "https://fra.$ZONE/api/chat/register" | jq -r .accessToken)
  on origin in_machine true
  ip netns exec origin curl -sS --fail -o /dev/null -H "Authorization: Bearer $BOT" -d "{\"body\": \"$text\"}" \
    http://127.0.0.1:8090/api/integrations/chat/send || fail "the bot's token is refused"
  is_heard() { get "https://par.$ZONE/api/chat?accessToken=$token" | jq -e --arg text "$text" 'any(.[]; .body == $text)' >/dev/null; }
  until_true "the bot is heard" is_heard
  echo "the bot said: $text"
}

owncast() {
  say "an Owncast server, taken over while the origin runs"
  local home=$work/origin/var/lib/farcast-origin
  python3 - "$home/owncast.db" <<'END'
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.executescript(open("origin/tests/owncast/0.2.3.sql").read().replace("{{HOOK}}", "http://127.0.0.1:9/"))
database.close()
END
  on origin as_origin import-owncast /var/lib/farcast-origin/owncast.db --dry-run | tail -n 3
  on origin as_origin import-owncast /var/lib/farcast-origin/owncast.db | tail -n 3
  rm "$home/owncast.db"
  bot_speaks
}

# A command of the origin, as its service's user, with the settings of the service.
as_origin() {
  in_machine setpriv --reuid farcast-origin --regid farcast-origin --clear-groups farcast-origin "$@" \
    --config /etc/farcast/origin.toml --data-dir /var/lib/farcast-origin
}

# Asks an edge again and again on new connections until the file `until` is there; counts what fails.
ask_on() {
  local edge=$1 until=$2 asked=0 failed=0
  while [ ! -e "$until" ]; do
    get -m 10 "https://$edge.$ZONE/api/status" -o /dev/null 2>>"$work/asked.$edge" || failed=$((failed + 1))
    asked=$((asked + 1))
  done
  echo "$asked $failed" >"$until.$edge"
}

installed() { on "$1" in_root dpkg-query -W -f '${Version}' "farcast-$2"; }

upgrade() {
  local edge before after pids=() load asked failed program
  say "a newer version on the origin"
  for edge in fra par; do ask_on "$edge" "$work/done" & pids+=($!); done
  on origin in_root dpkg --install "/root/farcast-origin_$NEWER.deb" >"$work/dpkg" 2>&1 || { cat "$work/dpkg"; fail "dpkg"; }
  stop_origin
  start_origin
  echo "origin: $(installed origin origin)"
  for edge in fra par; do until_true "$edge has the broadcast again" is_live "$edge"; done

  say "a newer version on each edge, under viewers"
  watchers --seconds 40 &
  load=$!
  for edge in fra par; do
    on "$edge" in_root dpkg --install "/root/farcast-edge_$NEWER.deb" >"$work/dpkg" 2>&1 || { cat "$work/dpkg"; fail "dpkg"; }
    before=$(edge_process "$edge")
    # As ExecReload= of its unit does.
    kill -HUP "$before"
    until_true "$edge has a successor" succeeded "$edge" "$before"
    after=$(edge_process "$edge")
    echo "$edge: $(installed "$edge" edge), process $before gave way to $after"
  done
  wait "$load" || { cat "$work/watched"; tail -n 40 "$work"/{fra,par}.log; fail "viewers were disturbed"; }
  shown
  : >"$work/done"
  wait "${pids[@]}"
  for edge in fra par; do
    read -r asked failed <"$work/done.$edge"
    echo "$edge: $failed of $asked requests on new connections failed"
    [ "$failed" = 0 ] || { cat "$work/asked.$edge"; fail "requests failed"; }
  done
}

edge_process() { ip netns pids "$1" | while read -r pid; do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != farcast-edge ] || echo "$pid"; done; }
succeeded() { local now; now=$(edge_process "$1"); [ -n "$now" ] && [ "$now" != "$2" ] && [ "$(wc -w <<<"$now")" = 1 ]; }

lost_and_restored() {
  say "a backup, while it runs"
  on origin as_origin backup /var/lib/farcast-origin/now.backup
  mv "$work/origin/var/lib/farcast-origin/now.backup" "$work/origin/root/"
  say "the origin's disk is lost"
  kill -KILL "$origin"
  wait "$origin" 2>/dev/null || true
  rm -rf "$work/origin/var/lib/farcast-origin"
  say "restored"
  on origin in_root install -d -m 700 -o farcast-origin -g farcast-origin /var/lib/farcast-origin
  on origin in_root install -m 600 -o farcast-origin -g farcast-origin /root/now.backup /var/lib/now.backup
  on origin as_origin restore /var/lib/now.backup
  start_origin
  local edge
  for edge in fra par; do until_true "$edge has the broadcast again" is_live "$edge"; done
  bot_speaks
  watchers --seconds 8 || { cat "$work/watched"; fail "viewers were disturbed"; }
  shown
}

deployment() {
  local origin started
  declare -A first
  network
  authority
  say "the origin"
  echo "quic_advertise = \"${ADDRESS[origin]}:4433\"" >>"$work/origin/etc/farcast/origin.toml"
  start_origin
  join fra
  join par
  names
  ask_for_certificates
  certificate
  encoder
  watch_it
  owncast
  renewed
  upgrade
  lost_and_restored
  say "doctor on each machine"
  on origin in_machine farcast-origin doctor || fail "doctor finds a problem"
  for edge in fra par; do on "$edge" in_machine farcast-edge doctor || fail "doctor finds a problem"; done
}

if [ "${1-}" = --deployment ]; then
  work=$2
  deployment
  exit
fi

[ -x "$LOAD" ] || fail "there is no $LOAD: cargo build --release -p farcast-loadtests, or set FARCAST_BIN_DIR"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say "packages"
infra/dist.sh
newer_packages
root=$work/base
empty_root
fetch_packages
say "installed by apt into an empty Debian"
apt_install
rm "$root"/root/*.deb
cp "$work"/newer-debs/*.deb "$root/root/"
dpkg-query --admindir="$root/var/lib/dpkg" -W 'farcast-*'
unshare --net --mount-proc --pid --fork --kill-child "$0" --deployment "$work"
say "all of it works"
