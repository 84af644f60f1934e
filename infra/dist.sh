#!/usr/bin/env bash
# Makes what is given to others, in target/dist: a tarball, Debian packages of origin and edge, a bill of materials of each
# program, and their checksums.
#
#   infra/dist.sh            by release builds of this tree
#   FARCAST_BIN_DIR=DIR ...  of the programs in DIR, which are stripped and not compiled
#
# All times are those of the commit (SOURCE_DATE_EPOCH), all owners root, all lists sorted. The archives are made twice of the
# same programs and compared; that two compilations give the same programs is not checked.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
export LC_ALL=C TZ=UTC

readonly PROGRAMS=(farcast-origin farcast-edge)
readonly OUT=target/dist STAGE=target/dist/stage
readonly CARGO_DEB=target/tools/cargo-deb/bin/cargo-deb CYCLONEDX=target/tools/cargo-cyclonedx/bin/cargo-cyclonedx

say() { printf 'dist: %s\n' "$*"; }

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
arch=$(uname -m)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
export SOURCE_DATE_EPOCH
date=$(date -u -d "@$SOURCE_DATE_EPOCH" -R)
maintainer=${DEBFULLNAME-Farcast maintainers}" <${DEBEMAIL-maintainers@$(hostname -f 2>/dev/null | grep -F . || echo farcast.invalid)}>"

# Paths of this machine must not get into the programs: neither from Rust nor from C.
build() {
  local maps=() flags=() from
  for from in "$PWD=/farcast" "${CARGO_HOME:-$HOME/.cargo}=/cargo" "$(rustc --print sysroot)=/rust"; do
    maps+=("--remap-path-prefix=$from")
    flags+=("-ffile-prefix-map=$from")
  done
  say "compiling (some minutes)"
  RUSTFLAGS="${RUSTFLAGS-} ${maps[*]}" CFLAGS="${CFLAGS-} ${flags[*]}" CXXFLAGS="${CXXFLAGS-} ${flags[*]}" \
    cargo build --release --locked -p farcast-origin -p farcast-edge --bins
}

# A settings file for an installed service: the example with its defaults as comments, so that those of a newer version count.
settings() {
  sed -E -e '/^data_dir = /{s|"[^"]*"|"/var/lib/farcast-'"$1"'"|;b}' -e '/^join_token_file = /b' \
    -e 's/^([a-z_]+ = )/# \1/' "infra/farcast-$1.example.toml"
}

# Everything that archives and packages have, each file once.
stage() {
  local from=$1 program short
  rm -rf "$STAGE"
  mkdir -p "$STAGE"/{bin,etc/farcast,systemd,sysusers.d,man,completions/{bash,zsh,fish},doc/infra,sbom}
  for program in "${PROGRAMS[@]}"; do
    short=${program#farcast-}
    strip --strip-all -o "$STAGE/bin/$program" "$from/$program"
    "$from/$program" --man >"$STAGE/man/$program.8"
    gzip -9n "$STAGE/man/$program.8"
    "$from/$program" --completions bash >"$STAGE/completions/bash/$program"
    "$from/$program" --completions zsh >"$STAGE/completions/zsh/_$program"
    "$from/$program" --completions fish >"$STAGE/completions/fish/$program.fish"
    settings "$short" >"$STAGE/etc/farcast/$short.toml"
    cp "infra/systemd/$program.service" "$STAGE/systemd/"
    cp "infra/sysusers/$program.conf" "$STAGE/sysusers.d/"
    sbom "$program" "$short"
    changelog "$program"
  done
  cp infra/systemd/foundationdb.conf "$STAGE/systemd/"
  cp README.md CHANGELOG.md LICENSE openapi.yaml "$STAGE/doc/"
  cp infra/*.md "$STAGE/doc/infra/"
  cp infra/packages/install.sh "$STAGE/"
  chmod -R u=rwX,go=rX "$STAGE"
  chmod 755 "$STAGE"/bin/* "$STAGE/install.sh"
}

# The tool writes beside Cargo.toml, and dates what it writes by SOURCE_DATE_EPOCH.
sbom() {
  local made="$2/$1.cdx.json"
  "$CYCLONEDX" cyclonedx --quiet --format json --spec-version 1.5 --manifest-path "$2/Cargo.toml"
  find . -path ./target -prune -o -name node_modules -prune -o -name '*.cdx.json' ! -path "./$made" -exec rm {} +
  # A random number, and the folder in which it was made.
  jq --arg here "$PWD" 'del(.serialNumber) | walk(if type == "string" then gsub($here; "/farcast") else . end)' "$made" \
    >"$STAGE/sbom/$1.cdx.json"
  rm "$made"
}

changelog() {
  printf '%s (%s-1) stable; urgency=medium\n\n  * See /usr/share/doc/%s/changelog.gz.\n\n -- %s  %s\n' \
    "$1" "$version" "$1" "$maintainer" "$date" >"$STAGE/changelog.$1"
}

# The tarball of a stage, to a file.
archive() {
  local name=farcast-$version-linux-$arch
  tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
    --exclude='changelog.*' --exclude=./units --exclude='./doc-gz' --transform "s|^\.|$name|" -C "$STAGE" -cf - . | gzip -9n >"$1"
}

# Packages have their programs in /usr/bin; text that Debian wants compressed is.
packages() {
  local to=$1 program
  mkdir -p "$STAGE/units" "$STAGE/doc-gz" "$to"
  gzip -9nc CHANGELOG.md >"$STAGE/doc-gz/changelog.gz"
  for program in "${PROGRAMS[@]}"; do
    sed 's|/usr/local/bin/|/usr/bin/|' "infra/systemd/$program.service" >"$STAGE/units/$program.service"
    "$CARGO_DEB" -q --no-build --no-strip --no-dbgsym --locked --maintainer "$maintainer" -p "$program" -o "$to/" >/dev/null
  done
}

# Whether a path of this machine is in a program.
check_paths() {
  local program path
  for program in "${PROGRAMS[@]}"; do
    for path in "$PWD" "${CARGO_HOME:-$HOME/.cargo}"; do
      if grep -qF "$path/" "$STAGE/bin/$program"; then
        echo "dist: $program has a path of this machine in it: $path" >&2
        strings -n 8 "$STAGE/bin/$program" | grep -F "$path/" | head -n 5 >&2
        return 1
      fi
    done
  done
}

infra/setup.sh --dist
if [ -n "${FARCAST_BIN_DIR-}" ]; then
  from=$FARCAST_BIN_DIR
else
  build
  from=${CARGO_TARGET_DIR:-target}/release
fi
rm -rf "$OUT"
stage "$from"
[ -n "${FARCAST_BIN_DIR-}" ] || check_paths
name=farcast-$version-linux-$arch.tar.gz
archive "$OUT/$name"
packages "$OUT"
cp "$STAGE"/sbom/*.cdx.json "$OUT/"

say "making all of it a second time, to compare"
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
first=$(mktemp -d -p "$again")
cp "$OUT"/*.deb "$OUT"/*.json "$first/"
stage "$from"
archive "$again/$name"
packages "$again"
cmp "$OUT/$name" "$again/$name"
for file in "$first"/*.deb; do cmp "$file" "$again/${file##*/}"; done
for file in "$first"/*.json; do cmp "$file" "$STAGE/sbom/${file##*/}"; done
(cd "$OUT" && sha256sum -- *.tar.gz *.deb *.json >SHA256SUMS)
say "in $OUT, the same twice:"
(cd "$OUT" && ls -1s --block-size=K -- *.tar.gz *.deb *.json SHA256SUMS)
