#!/usr/bin/env bash
# Every fuzz target for a short while, from its committed seeds.
#
#   SECONDS_EACH=10 SECONDS_ALL=900 ci/fuzz-smoke.sh
#
# Each target runs for SECONDS_EACH, or less, so that all of them together run for at most SECONDS_ALL; building comes on top.
# Needs a nightly toolchain and cargo-fuzz, which it installs from the crate registry when missing.
set -euo pipefail
cd "$(dirname "$0")/.."

SECONDS_EACH=${SECONDS_EACH:-10}
SECONDS_ALL=${SECONDS_ALL:-900}

skip() {
    echo "SKIPPED fuzz: $1"
    [ "${REQUIRE:-0}" = 1 ] && exit 1
    exit 0
}

cargo +nightly --version >/dev/null 2>&1 || skip "no nightly toolchain"
cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked --quiet || skip "cannot install cargo-fuzz"

export RUSTC_WRAPPER=$PWD/fuzz/rustc.sh
mapfile -t targets < <(cargo +nightly fuzz list)
share=$((SECONDS_ALL / ${#targets[@]}))
seconds=$((SECONDS_EACH < share ? SECONDS_EACH : share))

for target in "${targets[@]}"; do
    corpus=fuzz/corpus/$target
    mkdir -p "$corpus"
    seeds=()
    [ -d "fuzz/seeds/$target" ] && seeds=("fuzz/seeds/$target")
    echo "== fuzz $target, $seconds s"
    # Threads that are starting look like leaks at times; tests see to those (attacks::leaks).
    cargo +nightly fuzz run "$target" "$corpus" "${seeds[@]}" -- \
        -max_total_time="$seconds" -timeout=60 -rss_limit_mb=8192 -detect_leaks=0 -verbosity=0 -print_final_stats=1
done
