#!/bin/sh
# Installs what this archive holds: ./install.sh [origin] [edge], both unless one is named. Programs, manuals and completions go
# below /usr/local, units into /etc/systemd/system, settings into /etc/farcast unless there are some. Run again, it upgrades.
# DESTDIR=DIR installs below DIR, for those who make packages, and starts nothing.
set -eu
cd "$(dirname "$0")"
umask 022

DESTDIR=${DESTDIR-}

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

[ $# -gt 0 ] || set -- origin edge
for part in "$@"; do
  case $part in
    origin | edge) ;;
    *) fail "usage: ./install.sh [origin] [edge]" ;;
  esac
done
[ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || fail "run this as root: sudo ./install.sh $*"

# A file, its mode, and where it goes. What runs keeps its old file until it is started again.
put() {
  mkdir -p "$DESTDIR${3%/*}"
  cp "$1" "$DESTDIR$3.new"
  chmod "$2" "$DESTDIR$3.new"
  mv -f "$DESTDIR$3.new" "$DESTDIR$3"
}

for part in "$@"; do
  program=farcast-$part
  # Whether it can run here is known before anything is put in place.
  ./bin/"$program" --version >/dev/null ||
    fail "$program does not run on this system (see above): build it here, or take the package that fits"
  put bin/"$program" 755 /usr/local/bin/"$program"
  put man/"$program".8.gz 644 /usr/local/share/man/man8/"$program".8.gz
  put completions/bash/"$program" 644 /usr/local/share/bash-completion/completions/"$program"
  put completions/zsh/_"$program" 644 /usr/local/share/zsh/site-functions/_"$program"
  put completions/fish/"$program".fish 644 /usr/local/share/fish/vendor_completions.d/"$program".fish
  put sysusers.d/"$program".conf 644 /usr/local/lib/sysusers.d/"$program".conf
  put systemd/"$program".service 644 /etc/systemd/system/"$program".service
  if [ -e "$DESTDIR/etc/farcast/$part.toml" ]; then
    echo "/etc/farcast/$part.toml is there already: not changed"
  else
    put etc/farcast/"$part".toml 644 /etc/farcast/"$part".toml
  fi
done

[ -z "$DESTDIR" ] || exit 0
command -v systemd-sysusers >/dev/null ||
  fail "the files are in place, but there is no systemd-sysusers: make the users of sysusers.d, and start the programs yourself"
for part in "$@"; do
  systemd-sysusers /usr/local/lib/sysusers.d/farcast-"$part".conf
done
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
for part in "$@"; do
  service=farcast-$part.service
  if systemctl --quiet is-active "$service"; then
    case $part in
      edge) echo "$service runs: the new program takes over by systemctl reload $service" ;;
      *) echo "$service runs: to start the new program, systemctl restart $service" ;;
    esac
  else
    systemctl --quiet enable "$service"
    # An edge is not started before it has joined: its unit says so.
    systemctl start "$service"
  fi
done
for part in "$@"; do
  case $part in
    origin)
      echo "origin: the stream key is in the log: journalctl -u farcast-origin | grep 'stream key'"
      echo "origin: set quic_advertise in /etc/farcast/origin.toml; the line for edges: farcast-origin join-command"
      ;;
    edge) [ -e /etc/farcast/join-token ] || echo "edge: run the line here that farcast-origin join-command prints" ;;
  esac
done
