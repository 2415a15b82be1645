#!/usr/bin/env bash
# Compiles the computing guests into the folder given: native/ with gcc, native-novec/ without its vectorisers, wasm/
# with clang 19. Without bulk memory instructions, so that WebAssembly runs the guests' own memcpy and memset.
set -euo pipefail

out=$(realpath -m "$1")
cd "$(dirname "$0")/../../testkit/guests"
mkdir -p "$out"/{native,native-novec,wasm}
for source in *.c; do
    grep -q COMPUTE_MAIN "$source" || continue
    name=${source%.c}
    gcc -O2 -Irt "$source" -o "$out/native/$name" -lm
    gcc -O2 -fno-tree-vectorize -fno-tree-slp-vectorize -Irt "$source" -o "$out/native-novec/$name" -lm
    clang-19 -O2 --target=wasm32 -ffreestanding -fno-builtin -nostdlib -Wl,--no-entry -Irt \
        "$source" -o "$out/wasm/$name.wasm"
done
