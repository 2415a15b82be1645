#!/usr/bin/env bash
# Compiles the computing guests into the folder given: native/ with gcc, native-novec/ without its vectorisers, wasm/
# with clang 19, polkavm/ with clang 19 for RV64E, still to be linked by PolkaVM's own linker, and ckb/ with gcc for RV64IMC.
#
# Besides them calls, the guest of peer-latency, which is guests/calls.c here; ckb/ has what this engine runs, too.
#
# WebAssembly is without bulk memory instructions, so that it runs the guests' own memcpy and memset. Neither PolkaVM nor
# ckb-vm has floating point: they have the guests that guests.tsv says need none. A compiler that is missing is named,
# and the guests that it would make are not made.
set -euo pipefail

out=$(realpath -m "$1")
here=$(realpath "$(dirname "$0")")
cd "$here/../../testkit/guests"
mkdir -p "$out"/{native,native-novec,wasm,polkavm,ckb}

# The instructions that PolkaVM's linker knows.
RV64E=(--target=riscv64 -march=rv64emac_zbb_xtheadcondmov -mabi=lp64e -mno-strict-align -fpie "-I$here/guests"
    -fuse-ld=lld -static -Wl,--emit-relocs -Wl,--no-relax -Wl,--unique)
# What ci/guests.sh has for the committed executables, for a machine without floating point.
RV64IMC=(-march=rv64imc_zba_zbb_zbc_zbs -mabi=lp64 -mcmodel=medany -std=gnu17 -fno-math-errno -ffp-contract=off
    -fno-tree-loop-distribute-patterns -fno-asynchronous-unwind-tables -static -Wl,-T,rt/guest.ld -Wl,--build-id=none
    -Wl,-z,max-page-size=4096)

has() {
    command -v "$1" >/dev/null || { echo "peers: $1 is not installed (ci/install.sh installs it)" >&2 && false; }
}

# What a compiler that runs on the bare machine is to leave to us.
BARE=(-O2 -ffreestanding -nostdlib -Irt)

# compile_wasm SOURCE NAME; compile_polkavm SOURCE NAME OPTIONS...; compile_ckb SOURCE NAME
compile_wasm() {
    [ -z "$has_clang" ] ||
        clang-19 --target=wasm32 "${BARE[@]}" -fno-builtin -Wl,--no-entry "$1" -o "$out/wasm/$2.wasm"
}

compile_polkavm() {
    [ -z "$has_clang" ] || clang-19 "${RV64E[@]}" "${BARE[@]}" -fno-builtin "${@:3}" "$1" -o "$out/polkavm/$2.elf"
}

compile_ckb() {
    [ -z "$has_gcc" ] ||
        riscv64-unknown-elf-gcc "${RV64IMC[@]}" "${BARE[@]}" -I../../abi/include rt/crt0.S "$1" rt/rt.c -o "$out/ckb/$2.elf"
}

# __wasm__ is the home of guests that the host calls by name.
BY_NAME=(-D__wasm__ -include run.h -Wno-ignored-attributes -Wno-unknown-attributes -Wl,--entry=run)

has_clang=$(has clang-19 && echo yes || true)
has_gcc=$(has riscv64-unknown-elf-gcc && echo yes || true)
while IFS=$'\t' read -r name _ _ floats; do
    [[ $name != '#'* ]] || continue
    source=$name.c
    gcc -O2 -Irt "$source" -o "$out/native/$name" -lm
    gcc -O2 -fno-tree-vectorize -fno-tree-slp-vectorize -Irt "$source" -o "$out/native-novec/$name" -lm
    compile_wasm "$source" "$name"
    if [ "$floats" = - ]; then
        compile_polkavm "$source" "$name" "${BY_NAME[@]}"
        compile_ckb "$source" "$name"
    fi
done <"$here/guests.tsv"

compile_wasm "$here/guests/calls.c" calls
compile_polkavm "$here/guests/calls.c" calls -Wl,--entry=add
compile_ckb "$here/guests/calls.c" calls
