#!/usr/bin/env bash
# Judges the HTTP API of running programs by openapi.yaml with schemathesis: thousands of lawful and unlawful requests to
# an edge, which passes the admin's on to the origin. No answer may be a server error or one that is not described.
#
#   loadtests/test-api.sh [FOLDER OF THE PROGRAMS]
#
# Settings: EXAMPLES=25 for each operation, SEED=1.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly START_WITHIN=60
bin_dir=${1:-${CARGO_TARGET_DIR:-target}/debug}
tool=$PWD/target/tools/schemathesis
[ -x "$tool/bin/st" ] || { echo "schemathesis is missing: infra/setup.sh --test installs it" >&2; exit 1; }

data=$(mktemp -d)
key="api-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"
demo=""
stop() {
  [ -z "$demo" ] || { kill -TERM "$demo" 2>/dev/null || true; wait "$demo" || true; }
  rm -rf "$data"
}
trap stop EXIT
for port in RTMP HTTP QUIC EDGE1 EDGE2 ORIGIN_METRICS EDGE1_METRICS EDGE2_METRICS; do
  export "FARCAST_DEMO_${port}_PORT=0"
done
FARCAST_DEMO_BIN_DIR=$bin_dir FARCAST_DEMO_DATA=$data FARCAST_STREAM_KEY=$key \
  infra/demo.sh --no-picture >"$data.log" 2>&1 &
demo=$!
until grep -q "Press Ctrl-C" "$data.log" 2>/dev/null; do
  kill -0 "$demo" 2>/dev/null && ((SECONDS < START_WITHIN)) || { cat "$data.log" >&2; exit 1; }
  sleep 0.1
done
rm -f "$data.log"
port=$(jq -er '.http | sub(".*:"; "")' "$data/edge1.announce.json")

# Who asks: the owner, a program that may do all that programs may, and a moderator of the chat.
edge="http://127.0.0.1:$port"
until curl -fsS "$edge/readyz" >/dev/null 2>&1; do
  ((SECONDS < START_WITHIN)) || { echo "the edge is not ready" >&2; exit 1; }
  sleep 0.1
done
ask() { curl -fsS -u "admin:$key" -d "$2" "$edge$1"; }
program=$(ask /api/admin/accesstokens/create \
  '{"name":"test","scopes":["CAN_SEND_MESSAGES","CAN_SEND_SYSTEM_MESSAGES","HAS_ADMIN_ACCESS"]}' | jq -er .accessToken)
moderator=$(ask /api/chat/register '{}')
ask /api/admin/chat/users/setmoderator "$(jq -c '{userId: .id, isModerator: true}' <<<"$moderator")" >/dev/null

# What would lock this very test out is left out: the two credentials, guesses of the password, and shutting out the edge
# that is asked. So is /metrics, which has a listener of its own, a stream of events, which is no whole reply,
# and /oembed, which says 501 to a format that it has not, as oEmbed 1.0 has it, and that is held to be a server's failure.
# That a body is lawful JSON does not make it sensible (a picture that is none, storage without a bucket), so the
# acceptance of whatever the schema allows is not judged. A body that is too long is refused by 413.
cat >"$data/schemathesis.toml" <<END
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 413, 415, 422, 428]
[parameters]
accessToken = "$(jq -er .accessToken <<<"$moderator")"
[auth.openapi.AdminBasic]
username = "admin"
password = "$key"
[auth.openapi.AccessToken]
bearer = "$program"
END
contract=$PWD/openapi.yaml
# It keeps notes where it runs.
cd "$data"
PYTHONPATH=$tool python3 "$tool/bin/st" --config-file "$data/schemathesis.toml" run "$contract" \
  --url "$edge" --exclude-path /api/admin/config/key --exclude-path /api/admin/config/adminpass \
  --exclude-path /api/admin/login --exclude-path /api/admin/edges/revoke --exclude-path /api/admin/edges/drain --exclude-path /api/admin/jointokens/revoke \
  --exclude-path /metrics --exclude-path /metrics/edges --exclude-path /api/admin/events --exclude-path /oembed \
  --phases examples,coverage,fuzzing --max-examples "${EXAMPLES:-25}" --seed "${SEED:-1}" --continue-on-failure --no-color \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,negative_data_rejection
