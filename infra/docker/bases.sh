#!/usr/bin/env bash
# Makes stand-ins for the base images of the Dockerfile out of Debian's packages and this machine's Node.js and Rust, where no
# registry of images can be reached. Prints the arguments of the build that name them. Needs root, podman and mmdebstrap.
#
#   bases.sh FOLDER      FOLDER keeps what takes long to make
set -euo pipefail
cd "$(dirname "$0")/../.."

# The Debian release of all base images.
readonly SUITE=bookworm
readonly PREFIX=localhost/farcast-test

folder=$(realpath -m "${1:?usage: infra/docker/bases.sh FOLDER}")
mkdir -p "$folder"
exec 3>&1 1>&2

say() { printf 'bases: %s\n' "$*"; }

exists() { podman image exists "$PREFIX/$1"; }

# bootstrap NAME VARIANT PACKAGES: an image of Debian with them.
bootstrap() {
  exists "$1" && return
  say "making $1"
  mmdebstrap --quiet --variant="$2" ${3:+--include="$3"} "$SUITE" "$folder/$1.tar"
  podman import --quiet "$folder/$1.tar" "$PREFIX/$1" >/dev/null
  rm "$folder/$1.tar"
}

# with NAME BASE: an image of BASE and a folder's files, with the lines of standard input for a Dockerfile.
with() {
  exists "$1" && return
  say "making $1"
  podman build --quiet --tag "$PREFIX/$1" --file - "$3" < <(echo "FROM $PREFIX/$2"; cat) >/dev/null
}

bootstrap debian minbase ca-certificates
bootstrap compilers minbase ca-certificates,gcc,libc6-dev
# As distroless is: the C library, no shell, no package manager.
bootstrap distroless extract libc6,libgcc-s1

# Registries may be reached by a proxy that has an authority of its own, which this machine trusts.
readonly AUTHORITIES=/etc/ssl/certs/ca-certificates.crt
trusting() { with "$1" "$2" /etc/ssl/certs <<<"COPY ca-certificates.crt $AUTHORITIES"; }
trusting debian-trusting debian
trusting compilers-trusting compilers

npm_folder=$(npm root --global)/npm
node=$(dirname "$(realpath "$(command -v node)")")
with node debian-trusting "$node" <<END
COPY node /usr/local/bin/node
ENV NPM_CONFIG_REGISTRY=$(npm config get registry) NODE_EXTRA_CA_CERTS=$AUTHORITIES
END
with npm node "$npm_folder" <<END
COPY . /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
END

with rust compilers-trusting "$(rustc --print sysroot)" <<END
COPY bin /usr/local/rust/bin
COPY lib /usr/local/rust/lib
ENV PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV CARGO_HOME=/usr/local/cargo CARGO_HTTP_CAINFO=$AUTHORITIES
END

# Of the image of FoundationDB only the client's library is read: this machine's, or an empty file where it has none.
library=$(ldconfig -p | sed -n 's/.*libfdb_c\.so => //p' | head -n 1)
mkdir -p "$folder/foundationdb"
cp "${FDB_CLIENT_LIB_PATH:+$FDB_CLIENT_LIB_PATH/libfdb_c.so}" "$folder/foundationdb/libfdb_c.so" 2>/dev/null ||
  cp "$library" "$folder/foundationdb/libfdb_c.so" 2>/dev/null || touch "$folder/foundationdb/libfdb_c.so"
with foundationdb debian "$folder/foundationdb" <<END
COPY libfdb_c.so /usr/lib/libfdb_c.so
END

for pair in NODE:npm RUST:rust DEBIAN:debian DISTROLESS:distroless FDB:foundationdb; do
  printf -- '--build-arg=%s_IMAGE=%s/%s\n' "${pair%%:*}" "$PREFIX" "${pair#*:}" >&3
done
