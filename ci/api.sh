#!/usr/bin/env bash
# What the crates that embedders use have in public, compared with what is committed in docs/api, so that every change of it is seen.
#
#   ci/api.sh            compare
#   ci/api.sh --bless    replace
#
# Needs a nightly toolchain, for rustdoc's JSON, and cargo-public-api, which it installs from the crate registry when missing.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "SKIPPED api: $1"
    [ "${REQUIRE:-0}" = 1 ] && exit 1
    exit 0
}

cargo +nightly --version >/dev/null 2>&1 || skip "no nightly toolchain"
cargo public-api --version >/dev/null 2>&1 || cargo install cargo-public-api --locked --quiet || skip "cannot install cargo-public-api"

same=0 different=0
for crate in causality-vm causality-abi causality-machine; do
    now=$(mktemp)
    cargo +nightly public-api -p "$crate" -sss >"$now"
    committed=docs/api/$crate.txt
    [ "${1:-}" = --bless ] && cp "$now" "$committed"
    if diff -u "$committed" "$now"; then
        same=$((same + 1))
    else
        different=$((different + 1))
        echo "FAIL $committed: the API has changed (ci/api.sh --bless replaces it)"
    fi
    rm -f "$now"
done
echo "public APIs: $same passed, $different failed"
[ "$different" = 0 ]
