#!/usr/bin/env bash
# Builds this engine, its peers and the guests, and prints the table of speeds. Needs what ci/install.sh installs.
#
#   benches/peers/table.sh [--tier cranelift,interp] [--peer wasmtime,wasmi] [--only fib] [--rounds 5] [--tsv FILE] ...
#
# `--help` tells all options. With `--engine FILE` that executable is measured, and none is built. Everything built
# goes to CARGO_TARGET_DIR, or target/.
set -euo pipefail

root=$(realpath "$(dirname "$0")/../..")
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
out=$CARGO_TARGET_DIR/peers

# The table alone goes to standard output.
build() {
    cargo build --quiet --locked "$@" >&2
}

# peer_host NAME PROFILE: the program that runs guests on a peer that is a library.
peer_host() {
    build --manifest-path "$root/benches/peers/Cargo.toml" --profile "$2" --features "$1" --bin "peer-$1"
    cp "$CARGO_TARGET_DIR/$2/peer-$1" "$out/"
}

"$root/benches/peers/build-guests.sh" "$out"
build --manifest-path "$root/benches/peers/Cargo.toml" --release --bin peers
[[ " $* " == *" --peer"* && $* != *wasmtime* ]] || peer_host wasmtime release
[[ $* != *wasmi* ]] || peer_host wasmi fat
engine=()
if [[ " $* " != *" --engine"* ]]; then
    build --manifest-path "$root/Cargo.toml" --release -p causality-vm-cli
    engine=(--engine "$CARGO_TARGET_DIR/release/causality-vm")
fi
exec "$CARGO_TARGET_DIR/release/peers" --built "$out" "${engine[@]}" "$@"
