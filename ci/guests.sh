#!/usr/bin/env bash
# Rebuilds the committed guest programs and compares them with what is committed, byte for byte.
#
#   ci/guests.sh            rebuild and compare (needs riscv64-unknown-elf-gcc)
#   ci/guests.sh --bless    rebuild and replace; expected outputs come from native builds
#   ci/guests.sh --run      run every row of testkit/guests/guests.tsv under $RUNNER
#
# RUNNER is the command that runs an ELF; without it, the release build of causality-vm, in every one of TIERS.
# A missing compiler is a SKIP, and with REQUIRE=1 a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

CC=riscv64-unknown-elf-gcc
RT=testkit/guests/rt
BUILT_BY="12.2.0"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# Same bytes on every machine: relative paths only, no build id, no compiler banner.
CFLAGS=(-O2 -march=rv64gc_zba_zbb_zbs -mabi=lp64d -mcmodel=medany -std=gnu17
    -ffreestanding -fno-math-errno -ffp-contract=off -fno-tree-loop-distribute-patterns
    -fno-asynchronous-unwind-tables -fno-ident -Wall -Wextra -Werror
    "-ffile-prefix-map=$PWD=." "-fdebug-prefix-map=$PWD=." -gno-record-gcc-switches -I"$RT")
LDFLAGS=(-nostdlib -static "-Wl,-T,$RT/guest.ld" -Wl,--build-id=none -Wl,-z,max-page-size=4096)

skip() {
    echo "SKIPPED guests: $1"
    [ "${REQUIRE:-0}" = 1 ] && exit 1
    exit 0
}

sources() {
    ls testkit/guests/*.c examples/*.c
}

# The examples and the guests that trap carry line numbers, so that a report can name the source line; the one for
# debuggers has all there is.
debug_flags() {
    case $1 in
    examples/* | */trap_*) echo "-g1 -gdwarf-5" ;;
    */debugged.c) echo "-g -gdwarf-5" ;;
    esac
}

build_runtime() {
    "$CC" "${CFLAGS[@]}" -c "$RT/rt.c" -o "$WORK/rt.o"
    "$CC" "${CFLAGS[@]}" -fPIE -c "$RT/rt.c" -o "$WORK/rt-pie.o"
    "$CC" "${CFLAGS[@]}" -c "$RT/crt0.S" -o "$WORK/crt0.o"
}

# The bare-metal linker makes no position-independent executables; lld does.
build_pie() {
    "$CC" "${CFLAGS[@]}" -fPIE -c "$1" -o "$WORK/guest.o"
    ld.lld-19 -pie --no-dynamic-linker -z max-page-size=4096 --build-id=none \
        "$WORK/crt0.o" "$WORK/guest.o" "$WORK/rt-pie.o" -o "$2"
}

# build SOURCE ELF
build() {
    [ "$1" != testkit/guests/pie.c ] || { build_pie "$@" && return; }
    # shellcheck disable=SC2046 # the flags are meant to split
    "$CC" "${CFLAGS[@]}" $(debug_flags "$1") -c "$1" -o "$WORK/guest.o"
    "$CC" "${CFLAGS[@]}" "${LDFLAGS[@]}" "$WORK/crt0.o" "$WORK/guest.o" "$WORK/rt.o" -o "$2"
}

need_compiler() {
    command -v "$CC" >/dev/null || skip "$CC is not installed (ci/install.sh installs it)"
    command -v ld.lld-19 >/dev/null || skip "ld.lld-19 is not installed (ci/install.sh installs it)"
    local version
    version=$("$CC" -dumpfullversion)
    [ "$version" = "$BUILT_BY" ] ||
        skip "the committed ELFs were built by $CC $BUILT_BY; this is $version, whose bytes differ"
}

compare() {
    local same=0 different=0 source elf
    for source in $(sources); do
        elf=${source%.c}.elf
        build "$source" "$WORK/guest.elf"
        if cmp -s "$WORK/guest.elf" "$elf"; then
            same=$((same + 1))
        else
            different=$((different + 1))
            echo "FAIL $elf is not what $source builds to (ci/guests.sh --bless replaces it)"
        fi
    done
    echo "guests rebuilt: $same passed, $different failed"
    [ "$different" = 0 ]
}

# Only guests that compute the same off RISC-V have an output a native build can give.
is_portable() {
    grep -q COMPUTE_MAIN "$1" || [ "$1" = testkit/guests/floats.c ]
}

bless() {
    local source
    for source in $(sources); do
        build "$source" "${source%.c}.elf"
        chmod 755 "${source%.c}.elf"
        if is_portable "$source"; then
            gcc -O2 -ffp-contract=off -I"$RT" "$source" -o "$WORK/native" -lm
            "$WORK/native" >"${source%.c}.expected"
        fi
    done
    bless_content_ids
}

# Writes the ContentId of each example into the table of examples/README.md, and of each guest into
# testkit/guests/content-ids.tsv.
bless_content_ids() {
    if ! python3 -c 'import blake3' 2>/dev/null; then
        echo "the ContentIds stay as they are: python3 has no blake3 module"
        return
    fi
    python3 - <<'PY'
import pathlib, re, blake3

def content_id(elf):
    context = "causality-vm 2026-11-22 content id v1: program"
    return "blake3:" + blake3.blake3(elf.read_bytes(), derive_key_context=context).hexdigest()

readme = pathlib.Path("examples/README.md")
text = readme.read_text()
for elf in sorted(pathlib.Path("examples").glob("*.elf")):
    text = re.sub(rf"(\| `{elf.name}` \|.*\| )`[^`]*`( \|)", rf"\1`{content_id(elf)}`\2", text)
readme.write_text(text)

table = pathlib.Path("testkit/guests/content-ids.tsv")
lines = table.read_text().splitlines()[:1]
lines += [f"{elf.stem}\t{content_id(elf)}" for elf in sorted(pathlib.Path("testkit/guests").glob("*.elf"))]
table.write_text("\n".join(lines) + "\n")
PY
}

# bad_end END CODE: the exit code that stands for a trap or for no fuel; QEMU knows neither fuel nor limits.
bad_end() {
    case $1-$2 in
    trap-2) echo 132 ;;
    trap-3) echo 133 ;;
    trap-[046]) echo 135 ;;
    trap-[157] | trap-24) echo 139 ;;
    trap-25) if [[ $RUNNER == *qemu* ]]; then echo 1; else echo 137; fi ;;
    fuel-*) if [[ $RUNNER == *qemu* ]]; then echo 124; else echo 152; fi ;;
    esac
}

# run_row NAME ARGS NEEDS END CODE: runs one guest; says nothing when all is as the table says.
run_row() {
    local name=$1 args=$2 needs=$3 end=$4 code=$5 status=0 dir=$WORK/dir
    local elf=testkit/guests/$name.elf stdin=/dev/null extra=()
    [ "$args" = - ] && args=
    [ "$needs" = stdin ] && stdin=testkit/guests/$name.stdin
    if [ "$needs" = dir ]; then
        rm -rf "$dir" && mkdir "$dir"
        if [[ $RUNNER == *qemu* ]]; then
            args=${args//\/data/$dir}
        else
            extra=(--dir "$dir:/data:rw")
        fi
    fi
    [ "$end" = fuel ] && [[ $RUNNER != *qemu* ]] && extra=(--fuel "$code")
    # shellcheck disable=SC2086 # runner and arguments are meant to split
    timeout 5 env -i $RUNNER "${extra[@]}" "$elf" $args <"$stdin" >"$WORK/out" 2>"$WORK/err" || status=$?
    case $end in
    exit) [ "$status" = "$code" ] || echo "ended with $status, not $code" ;;
    *) [ "$status" = "$(bad_end "$end" "$code")" ] || echo "ended with $status instead of by $end $code" ;;
    esac
    cmp -s "$WORK/out" "testkit/guests/$name.expected" || echo "printed something else"
}

run_tiers() {
    local tier ok=0
    if [ -n "${RUNNER:-}" ]; then
        run_all
        return
    fi
    for tier in ${TIERS:-interp baseline cranelift auto}; do
        echo "tier $tier"
        RUNNER="${CARGO_TARGET_DIR:-target}/release/causality-vm run --tier $tier"
        run_all || ok=1
    done
    return $ok
}

run_all() {
    local program
    program=$(command -v "${RUNNER%% *}") || skip "no runner: ${RUNNER%% *}"
    RUNNER="$program${RUNNER#"${RUNNER%% *}"}" # by path, as guests get an empty environment
    local passed=0 failed=0 name args needs end code fuel problem
    while IFS=$'\t' read -r name args needs end code fuel; do
        case $name in '#'* | '') continue ;; esac
        [[ $needs == registers && $RUNNER == *qemu* ]] && continue
        problem=$(run_row "$name" "$args" "$needs" "$end" "$code" 2>/dev/null | paste -sd '; ' -)
        if [ -z "$problem" ]; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "FAIL $name: $problem"
        fi
    done <testkit/guests/guests.tsv
    echo "guests run: $passed passed, $failed failed"
    [ "$failed" = 0 ]
}

case ${1:-} in
'') need_compiler && build_runtime && compare ;;
--bless) need_compiler && build_runtime && bless ;;
--run) run_tiers ;;
*) echo "usage: ci/guests.sh [--bless | --run]" >&2 && exit 2 ;;
esac
