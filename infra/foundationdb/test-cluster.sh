#!/usr/bin/env bash
# A throw-away FoundationDB cluster of one process for tests: starts it, runs a command with FDB_CLUSTER_FILE set, stops it.
#
#   infra/foundationdb/test-cluster.sh make test-foundationdb
#
# Needs fdbserver and fdbcli, on the PATH or where FoundationDB's packages put them.
set -euo pipefail

# How long the cluster may take to become available.
START_SECONDS=60

if [ $# -eq 0 ]; then
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
# FoundationDB's packages install the server there, which is not on everybody's PATH.
PATH="$PATH:/usr/sbin"
for program in fdbserver fdbcli; do
  command -v "$program" >/dev/null || {
    echo "$program is missing: infra/foundationdb/README.md says where it comes from" >&2
    exit 1
  }
done

folder=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ]; then
    kill -9 "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

cli() {
  fdbcli -C "$folder/fdb.cluster" --timeout 5 --exec "$1" 2>&1 | tee -a "$folder/fdbcli.log"
}

# Creating it again fails and changes nothing; what counts is what the status says.
available() {
  cli 'configure new single memory' >/dev/null || true
  cli 'status minimal' | grep -q 'database is available'
}

# The port may be taken between being found and being used: then another one.
for _ in 1 2 3; do
  port=$(free_port)
  echo "test:test$RANDOM@127.0.0.1:$port" >"$folder/fdb.cluster"
  mkdir -p "$folder/data"
  fdbserver -C "$folder/fdb.cluster" -p "127.0.0.1:$port" -d "$folder/data" -L "$folder" >"$folder/fdbserver.log" 2>&1 &
  server=$!
  deadline=$((SECONDS + START_SECONDS))
  until available; do
    kill -0 "$server" 2>/dev/null || break
    if [ "$SECONDS" -ge "$deadline" ]; then
      tail -n 20 "$folder/fdbserver.log" "$folder/fdbcli.log" >&2
      echo "the cluster is not available after $START_SECONDS s" >&2
      exit 1
    fi
    sleep 0.2
  done
  kill -0 "$server" 2>/dev/null && break
  wait "$server" || true
  server=
  rm -rf "$folder/data"
done
if [ -z "$server" ]; then
  tail -n 20 "$folder/fdbserver.log" >&2
  echo "fdbserver does not start" >&2
  exit 1
fi

echo "$(fdbserver --version | head -n 1), process $server, $folder/fdb.cluster" >&2
FDB_CLUSTER_FILE="$folder/fdb.cluster" "$@"
