#!/usr/bin/env bash
# Whether what `make dist` makes can be installed, run and removed, as on a machine that has never seen Farcast.
#
#   manuals, completions    rendered and loaded by the real programs
#   units                   judged by systemd-analyze, from the packages and from the tarball
#   packages                judged by lintian, installed by apt into an empty Debian, upgraded, removed, purged
#   programs                started as the units say, joined by the pasted line, a broadcast played; doctor before and after
#   services                the same where systemd runs (systemd-nspawn): installed, joined, played from, upgraded, removed
#
# As root, since it makes namespaces and a root of its own. FARCAST_BIN_DIR: programs that are not compiled again. Where
# systemd-nspawn cannot boot, the last part is left out, and that is said in the last line.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

# Highest exposure that systemd-analyze may see, times ten.
readonly MOST_EXPOSED=29
# shellcheck source=loadtests/machines.sh
. loadtests/machines.sh

[ "$(id -u)" = 0 ] || fail "run this as root"

work=$(mktemp -d)
root=$work/root
# The first process of a root that is booted.
init=
trap 'rm -rf "$work"' EXIT

manuals() {
  say "manuals and completions"
  local program page
  for program in "${PROGRAMS[@]}"; do
    page=$work/$program.8
    gzip -dc "$DIST/stage/man/$program.8.gz" >"$page"
    groff -ww -z -man -Tutf8 "$page" 2>"$work/warnings"
    man --warnings --local-file "$page" >"$work/page" 2>>"$work/warnings"
    # A page that is made for each commit has no date of its own.
    mandoc -Tlint -Wwarning "$page" >>"$work/warnings" 2>&1 || true
    grep -vE 'missing date' "$work/warnings" && fail "the manual of $program has warnings"
    expect "$work/page" 'EXIT STATUS' "the manual is not whole"
    # What each shell proposes after --metrics-l, and that it knows the commands.
    bash -c '. "$1"; COMP_WORDS=("$2" --metrics-l); COMP_CWORD=1; _farcast_complete=$(complete -p "$2" | sed "s/.*-F \([^ ]*\).*/\1/")
      "$_farcast_complete" "$2" --metrics-l "$2"; printf "%s\n" "${COMPREPLY[@]}"' \
      - "$DIST/stage/completions/bash/$program" "$program" >"$work/proposed" || fail "bash does not load what $program prints"
    expect "$work/proposed" '^--metrics-listen$' "bash proposes no setting"
    fish --no-config -c "source '$DIST/stage/completions/fish/$program.fish'; complete -C '$program --metrics-l'; complete -C '$program doc'" \
      >"$work/proposed"
    expect "$work/proposed" '^--metrics-listen' "fish proposes no setting"
    expect "$work/proposed" '^doctor' "fish proposes no command"
    zsh --no-rcs -c 'autoload -Uz compinit; fpath=("$1" $fpath); compinit -u -d "$2"; autoload +X "_$3"; whence -v "_$3"; print -r -- "$_comps[$3]"' \
      - "$DIST/stage/completions/zsh" "$work/zcompdump" "$program" >"$work/proposed"
    expect "$work/proposed" "^_$program\$" "zsh does not complete $program"
    zsh --no-rcs -n "$DIST/stage/completions/zsh/_$program" || fail "zsh cannot read what $program prints"
  done
}

units() {
  say "units"
  local program unit exposed
  for program in "${PROGRAMS[@]}"; do
    unit=$work/units/$program.service
    mkdir -p "$work/units"
    cp "$DIST/stage/units/$program.service" "$unit"
    systemd-analyze security --offline=true --threshold="$MOST_EXPOSED" "$unit" >"$work/security" 2>&1 ||
      { cat "$work/security" >&2; fail "$program.service is exposed more than 2.9"; }
    exposed=$(grep -E 'Overall exposure level' "$work/security")
    echo "${exposed#*→ }"
    expect "$unit" '^ExecStart=/usr/bin/farcast' "the package's unit starts another program"
    expect "$DIST/stage/systemd/$program.service" '^ExecStart=/usr/local/bin/farcast' "the tarball's unit starts another program"
  done
}

packages() {
  say "packages, judged by lintian"
  lintian --tag-display-limit 0 --allow-root --fail-on error "$DIST"/*.deb
  jq -e '.bomFormat == "CycloneDX" and (.components | length) > 50' "$DIST"/*.cdx.json >/dev/null ||
    fail "a bill of materials is empty"
  (cd "$DIST" && sha256sum --quiet -c SHA256SUMS)
}

install_packages() {
  say "installed by apt into an empty root"
  apt_install
  local program short
  for program in "${PROGRAMS[@]}"; do
    short=${program#farcast-}
    in_root "$program" --version
    in_root getent passwd "$program" >/dev/null || fail "there is no user $program"
    # Owner, group and mode.
    while read -r mode path; do
      [ "$(stat -c '%U:%G %a' "$root$path")" = "root:root $mode" ] || fail "$path is $(stat -c '%U:%G %a' "$root$path")"
    done <<END
755 /usr/bin/$program
644 /usr/lib/systemd/system/$program.service
644 /etc/farcast/$short.toml
644 /usr/share/man/man8/$program.8.gz
644 /usr/share/bash-completion/completions/$program
644 /usr/share/zsh/vendor-completions/_$program
644 /usr/share/fish/vendor_completions.d/$program.fish
644 /usr/share/doc/$program/copyright
END
    in_root dpkg-query -W -f '${Conffiles}\n' "$program" >"$work/conffiles"
    expect "$work/conffiles" "^ /etc/farcast/$short.toml " "$short.toml is no conffile"
    in_root "$program" --config "/etc/farcast/$short.toml" --check-config >"$work/settings"
    expect "$work/settings" "^data_dir = .?/var/lib/$program" "the installed settings have another data folder"
    [ -L "$root/etc/systemd/system/multi-user.target.wants/$program.service" ] || fail "$program is not enabled"
    in_root systemd-analyze verify "/usr/lib/systemd/system/$program.service" >"$work/verify" 2>&1 || true
    # There is no man in that root.
    ! grep -F "$program.service" "$work/verify" | grep -vF "Command 'man" || fail "systemd does not accept the unit"
  done
}

tarball() {
  say "the tarball, unpacked and installed elsewhere"
  local to=$work/tarball
  mkdir -p "$to/unpacked"
  tar -xzf "$DIST"/farcast-*.tar.gz -C "$to/unpacked" --strip-components=1
  DESTDIR=$to/root "$to/unpacked/install.sh" >/dev/null
  local program start
  for program in "${PROGRAMS[@]}"; do
    start=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$to/root/etc/systemd/system/$program.service")
    [ -x "$to/root$start" ] || fail "the unit starts $start, which is not there"
    "$to/root$start" --version >/dev/null
    cmp "$to/root$start" "$root/usr/bin/$program"
  done
  echo 'data_dir = "/mine"' >"$to/root/etc/farcast/edge.toml"
  DESTDIR=$to/root "$to/unpacked/install.sh" edge >/dev/null
  expect "$to/root/etc/farcast/edge.toml" '^data_dir = "/mine"$' "settings that existed were overwritten"
}

# In namespaces of its own, so that the ports of the settings are free and nothing outlives it.
play() {
  ip link set lo up
  mount --bind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  local origin edge
  say "the origin, started as its unit says"
  in_root farcast-origin doctor >"$work/doctor" || { cat "$work/doctor"; fail "doctor finds a problem before the start"; }
  in_root farcast-origin join-command >"$work/line" 2>&1 && fail "there is a join command before there is an origin"
  expect "$work/line" 'the origin writes it when it starts' "it does not say why"
  as_unit farcast-origin "$work/origin.log"
  origin=$started
  ready 9190 "$work/origin.log"
  local key line
  key=$(sed -n 's/^stream key, shown this once: //p' "$work/origin.log")
  [ -n "$key" ] || fail "the origin shows no stream key"
  in_root farcast-origin join-command >"$work/line" 2>"$work/why"
  expect "$work/why" 'set quic_advertise' "it does not warn of an address that only this machine has"
  line=$(cat "$work/line")

  say "the edge, joined by the pasted line"
  # Word by word as a shell takes it.
  # shellcheck disable=SC2086
  in_root farcast-edge doctor >"$work/doctor" && fail "doctor sees no problem in an edge that has not joined"
  expect "$work/doctor" 'this edge has not joined' "doctor does not say so"
  # shellcheck disable=SC2086
  in_root $line >"$work/joined" 2>&1 || { cat "$work/joined"; fail "the line fails"; }
  expect "$work/joined" '^ok +origin +127.0.0.1:4433 answers over UDP' "the origin was not reached"
  [ "$(stat -c '%U %a' "$root/etc/farcast/join-token")" = "root 600" ] || fail "others may read the token"
  as_unit farcast-edge "$work/edge.log"
  edge=$started
  ready 9191 "$work/edge.log"
  in_root farcast-edge doctor --json >"$work/doctor"
  jq -e '[.findings[] | select(.check == "running" and .verdict == "ok")] | length == 1' "$work/doctor" >/dev/null ||
    { cat "$work/doctor"; fail "doctor does not see the edge that runs"; }
  in_root farcast-origin doctor >"$work/doctor" || { cat "$work/doctor"; fail "doctor finds a problem"; }
  # shellcheck disable=SC2086
  in_root $line --region here >"$work/joined" 2>&1 || { cat "$work/joined"; fail "the line fails the second time"; }
  # shellcheck disable=SC2086
  in_root $line --region there >"$work/joined" 2>&1 && fail "settings that differ were overwritten"
  expect "$work/joined" 'region is "here" there, and "there" is asked for' "it does not say what differs"

  broadcast "$key"
  say "stopped"
  local program
  for program in "$edge" "$origin"; do
    kill -TERM "$program"
    wait "$program" || fail "a program ended with status $?"
  done
}

# A broadcast with this stream key, and what a player gets of it.
broadcast() {
  say "a broadcast, played"
  ffmpeg -loglevel error -re -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t 60 \
    -c:v libx264 -preset ultrafast -tune zerolatency -g 50 -pix_fmt yuv420p -c:a aac \
    -f flv "rtmp://127.0.0.1:1935/live/$1" >"$work/ffmpeg.log" 2>&1 &
  local frames variant ends=$((SECONDS + PATIENCE)) playlist=http://127.0.0.1:8080/hls/stream.m3u8
  # Players that know no parts, such as ffmpeg, want whole segments.
  until variant=$(curl -sf "$playlist" | grep -m 1 '^[^#]') &&
    [ "$(curl -sf "${playlist%/*}/$variant" | grep -c '^#EXTINF')" -ge 2 ]; do
    [ $SECONDS -lt $ends ] || { cat "$work"/*.log; curl -s "$playlist"; fail "nothing is on the air"; }
    sleep 0.2
  done
  frames=$(ffmpeg -nostdin -loglevel error -i "$playlist" -t 4 -map 0:v:0 -f framecrc - | grep -c '^0,' || true)
  echo "$frames frames in 4 s"
  [ "$frames" -ge 80 ] || fail "too few frames"
  kill "$!" 2>/dev/null || true
  wait "$!" || true
}

upgrade_and_remove() {
  say "upgraded, removed, purged"
  local before left
  before=$(sha256sum <"$root/etc/farcast/edge.toml")
  in_root sh -c 'dpkg -i /root/*.deb' >/dev/null
  [ "$before" = "$(sha256sum <"$root/etc/farcast/edge.toml")" ] || fail "an upgrade has changed the settings"
  in_root dpkg --remove farcast-edge farcast-origin >/dev/null
  [ -f "$root/etc/farcast/edge.toml" ] && [ -f "$root/etc/farcast/join-token" ] || fail "removing has deleted settings"
  [ ! -e "$root/usr/bin/farcast-edge" ] || fail "removing has left the program"
  in_root dpkg --purge farcast-edge farcast-origin >"$work/purged"
  expect "$work/purged" '/var/lib/farcast-origin is kept' "purging does not say what it keeps"
  [ -f "$root/var/lib/farcast-origin/store.redb" ] || fail "purging has deleted the origin's store"
  left=$(find "$root/etc" "$root/usr" "$root/var/lib" -name '*farcast*' -not -path "$root/var/lib/farcast-origin*" \
    -not -path "$root/var/lib/dpkg/*" -not -path '*/apt/*')
  [ -z "$left" ] || fail "purging has left: $left"
}

# Boots the root, in a network of its own.
boot() {
  ip link set lo up
  systemd-nspawn --quiet --register=no --keep-unit --console=pipe --directory "$root" --boot >"$work/boot" 2>&1 </dev/null &
  nspawn=$!
  trap 'kill "$nspawn" 2>/dev/null; wait "$nspawn"' EXIT
  local ends=$((SECONDS + PATIENCE))
  # Its first process is the child of nspawn.
  until init=$(pgrep -P "$nspawn" -x systemd) && inside systemctl is-system-running >"$work/state" 2>&1 ||
    grep -qx degraded "$work/state" 2>/dev/null; do
    kill -0 "$nspawn" 2>/dev/null && [ $SECONDS -lt $ends ] || return 3
    sleep 0.2
  done
}

inside() { nsenter -t "$init" -m -u -i -p env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

runs() {
  [ "$(inside systemctl is-active "$1")" = active ] ||
    { inside journalctl -u "$1" -n 40 --no-pager; fail "$1 does not run"; }
}

services() {
  boot || return 3
  say "installed where systemd runs: the origin is started"
  inside sh -c 'apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends /root/*.deb' >"$work/apt" 2>&1 ||
    { cat "$work/apt"; fail "apt does not install the packages"; }
  expect "$work/apt" 'the stream key is in the log' "the installation does not say where the key is"
  ready 9190 /dev/null
  runs farcast-origin
  [ "$(inside systemctl is-enabled farcast-edge)" = enabled ] || fail "the edge is not enabled"
  [ "$(inside systemctl is-active farcast-edge)" = inactive ] || fail "the edge was started before it joined"
  local key line pid
  key=$(inside journalctl -u farcast-origin -o cat --no-pager | sed -n 's/^stream key, shown this once: //p')
  line=$(inside farcast-origin join-command 2>/dev/null)

  say "the edge, joined by the pasted line, which starts it"
  # shellcheck disable=SC2086
  inside $line >"$work/joined" 2>&1 || { cat "$work/joined"; inside journalctl -u farcast-edge --no-pager; fail "the line fails"; }
  expect "$work/joined" '^ok +running +the edge runs' "the line does not say that the edge runs"
  runs farcast-edge
  broadcast "$key"
  inside journalctl -u farcast-origin -o cat --no-pager >"$work/log"
  ! grep -iE 'panicked|Operation not permitted|Bad system call' "$work/log" || fail "the unit keeps the origin from something"

  say "upgraded while it runs"
  pid=$(inside systemctl show -p MainPID --value farcast-edge)
  inside sh -c 'dpkg -i /root/*.deb' >"$work/upgrade" 2>&1 || { cat "$work/upgrade"; fail "the upgrade"; }
  ready 9190 /dev/null
  ready 9191 /dev/null
  runs farcast-origin
  runs farcast-edge
  local ends=$((SECONDS + PATIENCE))
  while [ "$pid" = "$(inside systemctl show -p MainPID --value farcast-edge)" ]; do
    [ $SECONDS -lt $ends ] || { inside journalctl -u farcast-edge -n 40 --no-pager; fail "no new edge has taken over"; }
    sleep 0.2
  done
  runs farcast-edge
  [ "$(inside systemctl show -p NRestarts --value farcast-edge)" = 0 ] || fail "the edge was restarted, not reloaded"
  inside farcast-edge doctor >"$work/doctor" || { cat "$work/doctor"; fail "doctor finds a problem after the upgrade"; }

  say "removed, purged"
  inside dpkg --remove farcast-edge farcast-origin >/dev/null
  [ "$(inside systemctl is-active farcast-edge)" = inactive ] || fail "removing has not stopped the edge"
  inside dpkg --purge farcast-edge farcast-origin >/dev/null
  inside test ! -e /var/lib/farcast-edge -a -e /var/lib/farcast-origin/store.redb || fail "purging keeps or deletes the wrong data"
  inside systemctl --no-block poweroff 2>/dev/null
  wait "$nspawn" || true
  trap - EXIT
}

case "${1-}" in
  --play | --services)
    work=$2 root=$2/root
    trap - EXIT
    "${1#--}"
    exit
    ;;
esac
infra/dist.sh
manuals
units
packages
empty_root
fetch_packages
cp -a "$root" "$work/booted"
install_packages
tarball
unshare --net --mount --pid --fork --kill-child "$0" --play "$work"
upgrade_and_remove
mkdir "$work/second"
mv "$work/booted" "$work/second/root"
status=0
unshare --net --mount "$0" --services "$work/second" || status=$?
case $status in
  0) say "all of it works" ;;
  3) say "all of it works, but services were NOT tested: systemd-nspawn does not boot here" ;;
  *) exit "$status" ;;
esac
