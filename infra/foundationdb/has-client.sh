#!/usr/bin/env bash
# Whether programs can be linked with FoundationDB's client library, libfdb_c, and started with it: by the linker that cargo
# uses, which looks into fewer folders than others. Says what is missing otherwise. Used by the Makefile.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'unsafe extern "C" { fn fdb_get_max_api_version() -> i32; }
fn main() { assert!(unsafe { fdb_get_max_api_version() } > 0) }' >"$folder/probe.rs"

if ! rustc --edition 2024 -l dylib=fdb_c ${FDB_CLIENT_LIB_PATH:+-L "$FDB_CLIENT_LIB_PATH"} -o "$folder/probe" "$folder/probe.rs" \
  2>"$folder/errors"; then
  grep -q fdb_c "$folder/errors" || { cat "$folder/errors" >&2; exit 1; }
  echo "the linker does not find libfdb_c: install FoundationDB's client package, of the server's version, or name the" \
    "library's folder by FDB_CLIENT_LIB_PATH" >&2
  exit 1
fi
"$folder/probe" 2>"$folder/errors" || {
  cat "$folder/errors" >&2
  echo "programs do not find libfdb_c when they start: name the library's folder by LD_LIBRARY_PATH too" >&2
  exit 1
}
