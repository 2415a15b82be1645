#!/usr/bin/env bash
# Compiles the computing guests for WebAssembly, with clang 19, into the folder given. Without bulk memory
# instructions, so that both engines run the guests' own memcpy and memset.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=$1
mkdir -p "$out"
for source in testkit/guests/*.c; do
    grep -q COMPUTE_MAIN "$source" || continue
    clang-19 -O2 --target=wasm32 -ffreestanding -fno-builtin -nostdlib -Wl,--no-entry -Itestkit/guests/rt \
        "$source" -o "$out/$(basename "$source" .c).wasm"
done
