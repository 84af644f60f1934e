#!/usr/bin/env bash
# Judges what Farcast is built of: licences, sources and forbidden crates by deny.toml, and known security advisories of crates
# and npm packages. Advisories are asked of services that are not reachable everywhere: where one does not answer that is said
# in the last lines, and only a finding fails.
set -euo pipefail
cd "$(dirname "$0")/.."

# How long the database of advisories may take, in seconds.
readonly FETCH_LIMIT=60
readonly PACKAGES=(shared/web loadtests/browser loadtests/browser/lighthouse loadtests/sources loadtests/attacks loadtests/infra)

unchecked=()

deny() { target/tools/cargo-deny/bin/cargo-deny "$@"; }

deny check --hide-inclusion-graph licenses bans sources
if timeout "$FETCH_LIMIT" target/tools/cargo-deny/bin/cargo-deny fetch db >/dev/null 2>&1; then
  deny check advisories
else
  unchecked+=("advisories of crates: the RustSec database cannot be fetched")
fi

for folder in "${PACKAGES[@]}"; do
  # The exit status is the same for a finding and for a registry without advisories; the report tells them apart.
  report=$(cd "$folder" && npm audit --json 2>/dev/null </dev/null || true)
  case $(node -e '
    let found;
    try { found = JSON.parse(process.argv[1]).metadata?.vulnerabilities; } catch {}
    process.stdout.write(found === undefined ? "unanswered" : found.total > 0 ? "found" : "none");
  ' "$report") in
    none) echo "npm packages of $folder: no advisory" ;;
    found)
      echo "npm packages of $folder have advisories:" >&2
      (cd "$folder" && npm audit) >&2 || true
      exit 1
      ;;
    *) unchecked+=("advisories of npm packages of $folder: the registry answers no such question") ;;
  esac
done

for what in "${unchecked[@]+"${unchecked[@]}"}"; do
  printf '*** NOT checked: %s ***\n' "$what"
done
