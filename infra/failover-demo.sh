#!/usr/bin/env bash
# Shows that viewers play on when their edge dies: an origin, two edges, a test picture and a Chromium that plays on the first
# edge, which is killed (SIGKILL) and, in a second round, drained. Prints how long the picture stood and where the chat went on.
#
#   FARCAST_BIN_DIR=    binaries to use as they are: nothing is installed or built
#
# By hand: make demo, open the first edge's page, and kill the process that it names.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${FARCAST_BIN_DIR-}" ]; then
  make --no-print-directory build
  FARCAST_BIN_DIR=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
fi
export FARCAST_BIN_DIR
cd loadtests/browser
npm ci --no-audit --no-fund --silent
exec node pages.js --only failover --only drained
