#!/usr/bin/env bash
# Builds this engine, its peers and the guests, and prints how they compare. Needs what ci/install.sh installs.
#
#   benches/peers/table.sh [OPTIONS]              time, start-up and memory of the computing guests
#   benches/peers/table.sh --latency [OPTIONS]    what starting and calling a tiny guest takes
#
#   --peer NAMES   which peers: wasmtime, wasmtime-fuel, wasmtime-bounds, polkavm, polkavm-gas, polkavm-async-gas, qemu, wasmi,
#                  ckb-vm, or all of them that are installed; wasmtime,wasmtime-fuel,qemu if not said
#   --tier NAMES   which tiers of this engine: auto if not said
#   --only GUESTS  these guests alone
#   --rounds N     how often everything is measured
#   --scale F      multiplies the guests' own rounds: 0.1 for a quick look
#   --write FILE   also puts the tables into a Markdown file, between two lines that are there for it
#   --part NAME    which two: those with this name; peers if not said
#   --steady       no table but that of the steady state
#   --plot FILE    draws the steady state as SVG
#   --engine FILE  measures that executable of this engine, and builds none
#
# What else there is, `--help` says once the programs are built. Everything built goes to CARGO_TARGET_DIR, or target/.
set -euo pipefail

root=$(realpath "$(dirname "$0")/../..")
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
out=$CARGO_TARGET_DIR/peers
command="benches/peers/table.sh${*:+ $*}"

usage() {
    sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$root/benches/peers/table.sh"
    local program
    for program in peers peer-latency; do
        [ ! -x "$CARGO_TARGET_DIR/release/$program" ] || { echo && "$CARGO_TARGET_DIR/release/$program" --help; }
    done
}

# The table alone goes to standard output.
build() {
    cargo build --quiet --locked "$@" >&2
}

build_own() {
    build --manifest-path "$root/benches/peers/Cargo.toml" "$@"
}

# peer_host NAME PROFILE: the program that runs guests on a peer that is a library.
peer_host() {
    build_own --profile "$2" --features "$1" --bin "peer-$1"
    cp "$CARGO_TARGET_DIR/$2/peer-$1" "$out/"
}

# PolkaVM's guests are what its own linker makes of them.
link_guests() {
    local elf
    for elf in "$out"/polkavm/*.elf; do
        [ ! -e "$elf" ] || "$out/peer-polkavm" --link "${elf%.elf}.polkavm" "$elf"
    done
}

# The value of an option, given as `--peer NAMES` or `--peer=NAMES`.
value_of() {
    local option=$1 word before=
    shift
    for word in "$@"; do
        [[ $word != "$option="* ]] || echo "${word#*=}"
        [[ $before != "$option" ]] || echo "$word"
        before=$word
    done
}

# wants NAME: whether a peer is asked for.
wants() {
    [[ ,$peers, == *,all,* || ,$peers, == *",$1"[,-]* ]]
}

[[ " $* " != *" --help "* && " $* " != *" -h "* ]] || { usage && exit; }
"$root/benches/peers/build-guests.sh" "$out"

if [[ " $* " == *" --latency "* ]]; then
    build_own --release --features latency --bin peer-latency
    peer_host polkavm release
    link_guests
    arguments=()
    for word in "$@"; do
        [ "$word" = --latency ] || arguments+=("$word")
    done
    exec "$CARGO_TARGET_DIR/release/peer-latency" --built "$out" --command "$command" "${arguments[@]}"
fi

peers=$(value_of --peer "$@" | paste -sd, -)
peers=${peers:-wasmtime,wasmtime-fuel,qemu}
build_own --release --bin peers
! wants wasmtime || peer_host wasmtime release
! wants wasmi || peer_host wasmi fat
! wants ckb || peer_host ckb release
! wants polkavm || { peer_host polkavm release && link_guests; }
engine=()
if [ -z "$(value_of --engine "$@")" ]; then
    build --manifest-path "$root/Cargo.toml" --release -p causality-vm-cli
    engine=(--engine "$CARGO_TARGET_DIR/release/causality-vm")
fi
exec "$CARGO_TARGET_DIR/release/peers" --built "$out" --command "$command" "${engine[@]}" "$@"
