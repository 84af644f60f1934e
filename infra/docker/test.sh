#!/usr/bin/env bash
# Builds the images and runs them as compose.yaml says: published to, watched, looked into, stopped. Needs root, podman with runc
# or crun, mmdebstrap and ffmpeg. Base images are stand-ins (bases.sh), unless BASES=registry takes those of the Dockerfile.
#
#   infra/docker/test.sh [--keep]      --keep leaves containers and volumes; clean them by `podman rm` and `podman volume rm`
#
# Variables: PROFILE=dev (cargo's profile; release takes long), IMAGES=built (those that are there are taken), FARCAST_BIN_DIR
# (where farcast-load is; else it is built).
set -euo pipefail
cd "$(dirname "$0")/../.."

# Seconds within which a program is well, a broadcast is to be seen, and a program has stopped.
readonly WELL_WITHIN=30 SEEN_WITHIN=60 STOPPED_WITHIN=55
readonly WATCHED_FOR=20 VIEWERS=10
readonly KEY=a-stream-key-for-tests

[ "$(id -u)" = 0 ] || { echo "test-containers needs root, for the stand-ins of base images" >&2; exit 1; }
for command in podman mmdebstrap ffmpeg jq node; do
  command -v "$command" >/dev/null || { echo "$command is missing: apt-get install podman runc netavark aardvark-dns mmdebstrap ffmpeg jq" >&2; exit 1; }
done

folder=$(realpath -m target/containers)
mkdir -p "$folder"
name=farcast-test-$$
keep=${1-}
publisher=

say() { printf '\n== %s\n' "$*"; }

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  for container in origin edge1 edge2; do
    printf -- '--- log of %s\n' "$container" >&2
    podman logs --tail 30 "$name-$container" >&2 || true
  done
  exit 1
}

clean() {
  [ -z "$publisher" ] || kill "$publisher" 2>/dev/null || true
  [ "$keep" != --keep ] || return 0
  for container in edge1 edge2 join-token origin; do podman rm --force --time 1 "$name-$container" >/dev/null 2>&1 || true; done
  for volume in origin-data edge1-data edge2-data join-token; do podman volume rm --force "$name-$volume" >/dev/null 2>&1 || true; done
  podman network rm --force "$name" >/dev/null 2>&1 || true
}
trap clean EXIT

# within SECONDS WHAT COMMAND…: waits until it succeeds.
within() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "not in time: $what"
    read -rt 0.3 <> <(:) || true
  done
}

# Limits may not be raised where this shell may not. Of the two runtimes crun takes no machine with both versions of cgroups.
configure() {
  local runtime=crun
  if command -v runc >/dev/null; then runtime=runc; fi
  cat >"$folder/containers.conf" <<END
[engine]
runtime = "$runtime"
[containers]
default_ulimits = ["nofile=$(files):$(files)", "nproc=4096:4096"]
log_driver = "k8s-file"
END
  export CONTAINERS_CONF=$folder/containers.conf
}

files() { local hard; hard=$(ulimit -Hn); if [ "$hard" = unlimited ] || ((hard > 65536)); then echo 65536; else echo $((hard - hard / 10)); fi; }

build() {
  local bases=() target
  if [ "${BASES-}" != registry ]; then mapfile -t bases < <(infra/docker/bases.sh "$folder"); fi
  for target in origin edge; do
    say "building farcast/$target"
    podman build --quiet --format docker --network host "${bases[@]}" --build-arg STORE=embedded --build-arg "PROFILE=${PROFILE:-dev}" \
      --file infra/docker/Dockerfile --target "$target" --tag "farcast/$target:0.1.0" .
  done
}

# start SERVICE: as compose.yaml says.
start() {
  local arguments network=(--network "$name" --network-alias "$1")
  mapfile -t arguments < <(FARCAST_STREAM_KEY=$KEY node loadtests/infra/podman.js "$1" "$name-")
  if [[ " ${arguments[*]} " == *" --network="* ]]; then network=(); fi
  # Podman has systemd start health checks, which need not be there: this test starts them.
  podman run --detach --name "$name-$1" "${network[@]}" "${arguments[@]}" >/dev/null 2>"$folder/start-$1.log" ||
    fail "$1 was not started: $(cat "$folder/start-$1.log")"
}

address() { podman inspect "$name-$1" | jq -r '.[0].NetworkSettings.Networks[].IPAddress'; }

# looks SERVICE: its processes have neither rights nor a way to get any, and write to their volume only.
looks() {
  local pid status path main
  main=$(podman inspect --format '{{.State.Pid}}' "$name-$1")
  for pid in "$main" $(pgrep --parent "$main" || true); do
    status=$(cat "/proc/$pid/status")
    for line in $'Uid:\t65532\t65532' $'CapEff:\t0000000000000000' $'CapBnd:\t0000000000000000' $'NoNewPrivs:\t1' $'Seccomp:\t2'; do
      [[ $status == *"$line"* ]] || fail "process $pid of $1 has no line $line"
    done
    echo "$1: $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c 1-40): $(grep -E '^(VmRSS|Seccomp_filters)' <<<"$status" | tr -s '\t \n' ' ')"
  done
  for path in /x /usr/x /tmp/x /etc/x; do
    if touch "/proc/$main/root$path" 2>/dev/null; then fail "$1 has a root that can be written: $path"; fi
  done
  # Podman itself makes the places of its mounts.
  ! podman diff "$name-$1" | grep -v -E ' /(var(/lib(/farcast)?)?|join|((run|etc|proc|sys|dev)(/.*)?))$' ||
    fail "$1 has changed its image"
}

seen() { curl -fsS "http://$(address "$1"):8080/hls/stream.m3u8" | grep -q EXT-X-STREAM-INF; }

# stops SERVICE: asked by SIGTERM it ends by itself with status 0.
stops() {
  local began=$SECONDS status
  podman stop --time "$STOPPED_WITHIN" "$name-$1" >/dev/null 2>&1
  status=$(podman inspect --format '{{.State.ExitCode}}' "$name-$1")
  [ "$status" = 0 ] || fail "$1 ended with status $status"
  echo "$1 stopped in $((SECONDS - began)) s with status 0"
}

configure
(cd loadtests/infra && npm ci --silent --no-audit --no-fund)
[ "${IMAGES-}" = built ] || build
load=${FARCAST_BIN_DIR:-target/debug}/farcast-load
[ -n "${FARCAST_BIN_DIR-}" ] || cargo build -p farcast-loadtests --bin farcast-load

say "images"
for target in origin edge; do
  podman image inspect "farcast/$target:0.1.0" |
    jq -r '.[0] | "\(.RepoTags[0]): \(.Size / 1048576 | floor) MiB, user \(.User), \(.Config.StopSignal), health \(.Healthcheck.Test // .Config.Healthcheck.Test)"'
done
podman run --rm --entrypoint '["/bin/sh"]' farcast/edge:0.1.0 -c true 2>/dev/null && fail "the edge's image has a shell" || true
if podman history --no-trunc farcast/origin:0.1.0 | grep -q "$KEY"; then fail "a secret is in a layer"; fi

say "starting"
podman network create "$name" >/dev/null
start origin
within "$WELL_WITHIN" "origin is well" podman healthcheck run "$name-origin"
start join-token
[ "$(podman wait "$name-join-token")" = 0 ] || fail "the join token was not copied"
for edge in edge1 edge2; do
  start "$edge"
  within "$WELL_WITHIN" "$edge is well" podman healthcheck run "$name-$edge"
  within "$WELL_WITHIN" "$edge is ready" podman exec "$name-$edge" /usr/local/bin/farcast-edge check-health /readyz
done
podman logs "$name-edge1" 2>&1 | grep -E 'memory.*limit_bytes=1073741824.*cache_bytes=402653184' ||
  fail "edge1 does not keep three eighths of its limit of 1 GiB"

say "broadcasting"
ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi -i sine=frequency=440 -t 600 \
  -c:v libx264 -preset ultrafast -tune zerolatency -g 60 -b:v 800k -pix_fmt yuv420p -c:a aac -f flv \
  "rtmp://$(address origin):1935/live/$KEY" 2>"$folder/ffmpeg.log" &
publisher=$!
for edge in edge1 edge2; do within "$SEEN_WITHIN" "$edge shows the broadcast" seen "$edge"; done

say "watching"
for edge in edge1 edge2; do
  "$load" watch --no-steering --clients "$VIEWERS" --seconds "$WATCHED_FOR" \
    --url "http://$(address "$edge"):8080/hls/stream.m3u8" >"$folder/watched-$edge.log" 2>&1 ||
    fail "viewers of $edge had trouble: $(tail -n 40 "$folder/watched-$edge.log")"
  echo "$VIEWERS viewers of $edge for $WATCHED_FOR s: no breach of the standard, no stall, no error"
done

say "looking"
pgrep --parent "$(podman inspect --format '{{.State.Pid}}' "$name-origin")" >/dev/null ||
  fail "the origin has no process that decodes and encodes"
for service in origin edge1 edge2; do looks "$service"; done

say "stopping and starting again"
stops edge1
podman start "$name-edge1" >/dev/null 2>&1
within "$WELL_WITHIN" "edge1 is ready again" podman exec "$name-edge1" /usr/local/bin/farcast-edge check-health /readyz
within "$SEEN_WITHIN" "edge1 shows the broadcast again" seen edge1
# Its identity is in its volume: it joined once.
joined=$(podman logs "$name-edge1" 2>&1 | grep -c 'this edge has a new certificate')
[ "$joined" = 1 ] || fail "edge1 has joined $joined times"
for service in edge1 edge2 origin; do stops "$service"; done
say "passed"
