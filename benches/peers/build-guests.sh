#!/usr/bin/env bash
# Compiles the computing guests into the folder given: native/ with gcc, native-novec/ without its vectorisers, wasm/
# with clang 19, polkavm/ with clang 19 for RV64E, still to be linked by PolkaVM's own linker, and ckb/ with gcc for RV64IMC.
#
# WebAssembly is without bulk memory instructions, so that it runs the guests' own memcpy and memset. Neither PolkaVM nor
# ckb-vm has floating point: they have the guests that guests.tsv says need none. A compiler that is missing is named,
# and the guests that it would make are not made.
set -euo pipefail

out=$(realpath -m "$1")
here=$(realpath "$(dirname "$0")")
cd "$here/../../testkit/guests"
mkdir -p "$out"/{native,native-novec,wasm,polkavm,ckb}

# The instructions that PolkaVM's linker knows; __wasm__ is the home of guests that the host calls by name.
RV64E=(--target=riscv64 -march=rv64emac_zbb_xtheadcondmov -mabi=lp64e -mno-strict-align -fpie -D__wasm__
    -include "$here/guests/run.h" -Wno-ignored-attributes -Wno-unknown-attributes -fuse-ld=lld -static
    -Wl,--emit-relocs -Wl,--no-relax -Wl,--unique -Wl,--entry=run)
# What ci/guests.sh has for the committed executables, for a machine without floating point.
RV64IMC=(-march=rv64imc_zba_zbb_zbc_zbs -mabi=lp64 -mcmodel=medany -std=gnu17 -fno-math-errno -ffp-contract=off
    -fno-tree-loop-distribute-patterns -fno-asynchronous-unwind-tables -static -Wl,-T,rt/guest.ld -Wl,--build-id=none
    -Wl,-z,max-page-size=4096)

has() {
    command -v "$1" >/dev/null || { echo "peers: $1 is not installed (ci/install.sh installs it)" >&2 && false; }
}

has_clang=$(has clang-19 && echo yes || true)
has_gcc=$(has riscv64-unknown-elf-gcc && echo yes || true)
while IFS=$'\t' read -r name _ _ floats; do
    [[ $name != '#'* ]] || continue
    source=$name.c
    gcc -O2 -Irt "$source" -o "$out/native/$name" -lm
    gcc -O2 -fno-tree-vectorize -fno-tree-slp-vectorize -Irt "$source" -o "$out/native-novec/$name" -lm
    [ -z "$has_clang" ] || clang-19 -O2 --target=wasm32 -ffreestanding -fno-builtin -nostdlib -Wl,--no-entry -Irt \
        "$source" -o "$out/wasm/$name.wasm"
    [ "$floats" = - ] || continue
    [ -z "$has_clang" ] || clang-19 -O2 "${RV64E[@]}" -ffreestanding -fno-builtin -nostdlib -Irt \
        "$source" -o "$out/polkavm/$name.elf"
    [ -z "$has_gcc" ] || riscv64-unknown-elf-gcc -O2 "${RV64IMC[@]}" -ffreestanding -nostdlib -Irt \
        rt/crt0.S "$source" rt/rt.c -o "$out/ckb/$name.elf"
done <"$here/guests.tsv"
