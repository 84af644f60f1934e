# shellcheck shell=bash
# Roots of an empty Debian with Farcast's packages, and programs started in them as their units say. Sourced by the tests of
# packages, which set `work` (a folder that they remove), and `root` where a function works in one.

# Longest wait for a program, in seconds.
readonly PATIENCE=60
readonly DIST=target/dist PROGRAMS=(farcast-origin farcast-edge)

say() { printf '\n== %s\n' "$*"; }

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# What a text must have: a file, a pattern, what is missing.
expect() { grep -qE -- "$2" "$1" || { cat "$1" >&2; fail "$3: $2"; }; }

in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

# An empty Debian of this machine's release, kept for the next time.
empty_root() {
  local codename base sources
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  base=target/tools/empty-$codename.tar
  if [ ! -f "$base" ]; then
    say "an empty Debian $codename"
    sources=/etc/apt/sources.list.d/debian.sources
    [ -s "$sources" ] || sources=/etc/apt/sources.list
    mmdebstrap --quiet --format=tar --variant=minbase --include=ca-certificates,systemd-sysv "$codename" "$base.part" "$sources"
    mv "$base.part" "$base"
  fi
  mkdir -p "$root"
  tar -xf "$base" -C "$root"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  # What the tests look for is what apt leaves there, documents included.
  rm -f "$root"/etc/dpkg/dpkg.cfg.d/*
}

# The packages, and what they need as apt has it.
fetch_packages() {
  cp "$DIST"/*.deb "$root/root/"
  in_root apt-get -q -o Dpkg::Use-Pty=0 update >"$work/apt" 2>&1 || { cat "$work/apt"; fail "apt-get update"; }
  in_root sh -c 'apt-get -q -y --download-only install --no-install-recommends /root/*.deb' >"$work/apt" 2>&1 ||
    { cat "$work/apt"; fail "what the packages need is not to be had"; }
}

apt_install() {
  in_root sh -c 'apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends /root/*.deb' >"$work/apt" 2>&1 ||
    { cat "$work/apt"; fail "apt does not install the packages"; }
}

# Starts a program as its unit says, with what systemd would have made for it; its process is in `started`. `machine`: the
# network namespace, where it is not this one.
as_unit() {
  local program=$1 log=$2 start
  start=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/$program.service")
  start=${start//%S//var/lib}
  start=${start//%d//run/credentials/$program}
  in_root install -d -m 700 -o "$program" -g "$program" "/var/lib/$program" "/run/credentials/$program"
  if [ "$program" = farcast-edge ]; then
    in_root install -m 400 -o "$program" -g "$program" /etc/farcast/join-token "/run/credentials/$program/join-token"
  fi
  # shellcheck disable=SC2086
  ${machine:+ip netns exec "$machine"} chroot "$root" /usr/bin/env -i PATH=/usr/bin setpriv --reuid "$program" \
    --regid "$program" --clear-groups --no-new-privs --bounding-set=-all,+net_bind_service \
    --inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service $start >>"$log" 2>&1 &
  started=$!
}

# Waits for a program that is ready by its metrics port; its log. Run where that port is.
ready() {
  local ends=$((SECONDS + PATIENCE))
  until ${machine:+ip netns exec "$machine"} curl -sf "http://127.0.0.1:$1/readyz" >/dev/null; do
    [ $SECONDS -lt $ends ] || { cat "$2"; [ -z "${init-}" ] || inside journalctl -n 60 --no-pager; fail "not ready"; }
    sleep 0.1
  done
}
