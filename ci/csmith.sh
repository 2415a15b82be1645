#!/usr/bin/env bash
# Random C programs, compiled natively and for RISC-V, must print the same checksum.
#
#   COUNT=200 ci/csmith.sh            seeds 1, 2, ... until COUNT programs have been judged
#   ci/csmith.sh --seed N             judge one seed; prints pass, fail or slow
#
# A program that natively runs longer than NATIVE_LIMIT seconds is replaced by the next seed. Programs that
# fail are kept in the target directory. RUNNER is the command that runs an ELF; without it, the release
# build of causality-vm runs each in every one of TIERS. COMPILER=clang compiles with clang instead of gcc, and with the newer extensions that
# only it knows. CROSS_FLAGS replaces the flags of code generation.
# Without csmith or a compiler it is a SKIP, and with REQUIRE=1 a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

COUNT=${COUNT:-200}
FIRST=${FIRST:-1}
TIERS=${TIERS:-interp baseline cranelift auto}
[ -z "${RUNNER:-}" ] || TIERS=-
export TIERS
RUNNER=${RUNNER:-${CARGO_TARGET_DIR:-target}/release/causality-vm run}
OUT=${CARGO_TARGET_DIR:-target}/csmith
NATIVE_LIMIT=${NATIVE_LIMIT:-0.5}
GUEST_LIMIT=${GUEST_LIMIT:-60}
CROSS=riscv64-unknown-elf-gcc
export COMPILER=${COMPILER:-gcc}
PICO=testkit/realprograms/picolibc
HEADERS=/usr/include/csmith
PICO_FLAGS="--specs=picolibc.specs -mabi=lp64d -mcmodel=medany"
if [ "$COMPILER" = clang ]; then
    COMPILE="clang-19 --target=riscv64-unknown-elf -mabi=lp64d -mcmodel=medany -ftls-model=local-exec
        -isystem /usr/lib/picolibc/riscv64-unknown-elf/include"
    CROSS_FLAGS=${CROSS_FLAGS:--O2 -march=rv64gc_zba_zbb_zbs_zbc_zicond_zcb_zfa_zfhmin}
else
    COMPILE="$CROSS $PICO_FLAGS"
    CROSS_FLAGS=${CROSS_FLAGS:--O2 -march=rv64gc_zba_zbb_zbs}
fi

# Small programs: they compile fast and mostly end soon.
SHAPE=(--max-funcs 8 --max-block-depth 4 --max-block-size 5 --max-expr-complexity 8 --max-array-dim 2
    --max-array-len-per-dim 8 --no-argc)

# judge SEED: prints pass, fail or slow.
judge() {
    local seed=$1 dir expected got tier choice
    dir=$(mktemp -d)
    # shellcheck disable=SC2064 # this folder, now
    trap "rm -rf '$dir'" EXIT
    (cd "$dir" && csmith --seed "$seed" "${SHAPE[@]}" -o program.c) # it leaves files where it runs
    gcc -O1 -w -fwrapv -I"$HEADERS" "$dir/program.c" -o "$dir/native"
    expected=$(timeout "$NATIVE_LIMIT" "$dir/native") || { echo slow && return; }
    # shellcheck disable=SC2086 # flags and runner are meant to split
    $COMPILE $CROSS_FLAGS -w -fwrapv -I"$HEADERS" -c "$dir/program.c" -o "$dir/program.o"
    # shellcheck disable=SC2086
    $CROSS $PICO_FLAGS -nostartfiles -T "$PICO/link.ld" "$OUT/crt0.o" "$OUT/os.o" "$dir/program.o" -o "$dir/guest.elf"
    for tier in $TIERS; do
        choice= got=0
        [ "$tier" = - ] || choice="--tier $tier"
        # shellcheck disable=SC2086
        timeout "$GUEST_LIMIT" $RUNNER $choice "$dir/guest.elf" >"$dir/got" 2>"$dir/err" || got=$?
        if [ "$got" != 0 ] || [ "$(cat "$dir/got")" != "$expected" ]; then
            cp "$dir/program.c" "$OUT/seed-$seed.c"
            cp "$dir/guest.elf" "$OUT/seed-$seed.elf"
            echo "seed $seed, tier $tier: exit code $got, printed '$(head -c 100 "$dir/got")', natively '$expected'" >&2
            echo fail
            return
        fi
    done
    echo pass
}

skip() {
    echo "SKIPPED csmith: $1"
    [ "${REQUIRE:-0}" = 1 ] && exit 1
    exit 0
}

prepare() {
    local tool
    for tool in csmith gcc "$CROSS" "${COMPILE%% *}" "${RUNNER%% *}"; do
        command -v "$tool" >/dev/null || skip "no $tool"
    done
    [ -e "$HEADERS/csmith.h" ] || skip "no csmith headers in $HEADERS"
    mkdir -p "$OUT"
    # shellcheck disable=SC2086
    $CROSS $PICO_FLAGS -c "$PICO/crt0.S" -o "$OUT/crt0.o"
    # shellcheck disable=SC2086
    $CROSS $PICO_FLAGS -O2 -w -c "$PICO/os.c" -o "$OUT/os.o" || skip "no picolibc for $CROSS"
}

run_all() {
    local next=$FIRST judged=0 left verdicts
    : >"$OUT/verdicts"
    while [ "$judged" -lt "$COUNT" ]; do
        left=$((COUNT - judged))
        seq "$next" $((next + left - 1)) | xargs -P2 -I{} ci/csmith.sh --seed {} >>"$OUT/verdicts" || true
        next=$((next + left))
        verdicts=$(grep -c . "$OUT/verdicts" || true)
        [ "$verdicts" = $((next - FIRST)) ] || { echo "csmith: a seed gave no verdict" && exit 1; }
        judged=$(grep -c -E '^(pass|fail)$' "$OUT/verdicts" || true)
    done
    local passed failed
    passed=$(grep -c '^pass$' "$OUT/verdicts" || true)
    failed=$(grep -c '^fail$' "$OUT/verdicts" || true)
    echo "csmith: seeds $FIRST to $((next - 1)), $((next - FIRST - judged)) too slow and replaced"
    echo "in tiers $TIERS: $passed passed, $failed failed"
    [ "$failed" = 0 ]
}

case ${1:-} in
--seed) { [ -e "$OUT/os.o" ] || prepare; } && judge "$2" ;;
'') prepare && run_all ;;
*) echo "usage: [COUNT=N] [FIRST=N] ci/csmith.sh [--seed N]" >&2 && exit 2 ;;
esac
