#!/usr/bin/env bash
# Builds real programs natively and for RISC-V, runs both, and compares output and exit code.
#
#   ci/real-programs.sh [NAME...]     names: c hello cpp lua zstd sqlite; without any, all
#
# RUNNER is the command that runs an ELF; without it, the release build of causality-vm runs each in every one of
# TIERS. The C sources of
# Lua, SQLite and zstd come out of registry packages named by testkit/realprograms; none is kept here.
# Builds are kept in the target directory and reused. A missing compiler or package is a SKIP, and with
# REQUIRE=1 a failure. LIMIT is the longest a guest may run, in seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

OUT=${CARGO_TARGET_DIR:-target}/real-programs
SRC=testkit/realprograms
TIERS=${TIERS:-interp baseline cranelift auto}
[ -z "${RUNNER:-}" ] || TIERS=-
RUNNER=${RUNNER:-${CARGO_TARGET_DIR:-target}/release/causality-vm run}
LIMIT=${LIMIT:-300}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
passed=0 failed=0 skipped=0
# The Python that has ziglang: ci/install.sh makes the second one where it may not add to the first.
PYTHON=python3
python3 -c 'import ziglang' 2>/dev/null || [ ! -x "$OUT/../venv/bin/python3" ] || PYTHON=$OUT/../venv/bin/python3
WANTED=${*:-c hello cpp lua zstd sqlite}

pass() { passed=$((passed + 1)) && echo "PASS $1"; }
fail() { failed=$((failed + 1)) && echo "FAIL $1: $2"; }
skip() { skipped=$((skipped + 1)) && echo "SKIPPED $1 ($2)"; }

# Prints the source folder of a registry package, or nothing.
package_folder() {
    python3 -c '
import json, os, sys
for package in json.load(open(sys.argv[1]))["packages"]:
    if package["name"] == sys.argv[2]:
        print(os.path.dirname(package["manifest_path"]))
' "$WORK/metadata.json" "$1"
}

find_packages() {
    LUA='' ZSTD='' SQLITE=''
    cargo fetch --quiet --locked --manifest-path "$SRC/Cargo.toml" 2>"$WORK/fetch" || return 0
    cargo metadata --quiet --locked --format-version 1 --manifest-path "$SRC/Cargo.toml" >"$WORK/metadata.json" || return 0
    LUA=$(package_folder lua-src)/lua-5.4.8
    ZSTD=$(package_folder zstd-sys)/zstd/lib
    SQLITE=$(package_folder libsqlite3-sys)/sqlite3
}

# The compiler of each kind of build, C and C++; empty where there is none.
PICO=$SRC/picolibc
compiler() {
    case $1 in
    native) echo gcc ;;
    native++) echo g++ ;;
    glibc) echo riscv64-linux-gnu-gcc ;;
    glibc++) echo riscv64-linux-gnu-g++ ;;
    musl | pie) echo "$PYTHON" -m ziglang cc ;;
    musl++) echo "$PYTHON" -m ziglang c++ ;;
    picolibc) echo riscv64-unknown-elf-gcc ;;
    esac
}

has_compiler() {
    case $1 in
    musl* | pie) "$PYTHON" -m ziglang version >/dev/null 2>&1 ;;
    picolibc) command -v riscv64-unknown-elf-gcc >/dev/null &&
        riscv64-unknown-elf-gcc --specs=picolibc.specs -E -x c /dev/null >/dev/null 2>&1 ;;
    *) command -v "$(compiler "$1")" >/dev/null ;;
    esac
}

# Guests may count bits and access memory unaligned, as x86-64 may, and as guests of ci/guests.sh do: without, zstd loads byte
# by byte and calls functions to count zeros. The C libraries are what they are.
kind_flags() {
    case $1 in
    glibc*) echo "-static -march=rv64gc_zba_zbb_zbs -mno-strict-align" ;;
    # Debian's cross glibc has no static-PIE start file.
    pie) echo "-target riscv64-linux-musl -mcpu=baseline_rv64+zba+zbb+zbs+unaligned_scalar_mem -static -fPIE -pie" ;;
    musl*) echo "-target riscv64-linux-musl -mcpu=baseline_rv64+zba+zbb+zbs+unaligned_scalar_mem -static" ;;
    picolibc) echo "--specs=picolibc.specs -march=rv64imafdc -mabi=lp64d -mcmodel=medany -nostartfiles
        -T $PICO/link.ld $PICO/crt0.S $PICO/os.c" ;;
    esac
}

# Names a build by what goes into it: the words of the command, and our own sources' bytes. Package sources
# have their version in the path.
fingerprint() {
    local word
    {
        echo "$*"
        for word; do
            case $word in "$SRC"/*) cat "$word" ;; esac
        done
        cat "$PICO"/*
    } | sha256sum
}

# build NAME KIND FLAG_OR_SOURCE...: makes $OUT/NAME.KIND; what went wrong is in $OUT/NAME.KIND.log.
build() {
    local name=$1 kind=$2 file=$OUT/$1.$2 command print
    shift 2
    command="$(compiler "$kind") -O2 -w -ffp-contract=off $(kind_flags "$kind")"
    # shellcheck disable=SC2086 # compilers and flags are meant to split
    print=$(fingerprint $command "$@")
    [ -e "$file" ] && [ "$(cat "$file.made-of" 2>/dev/null)" = "$print" ] && return 0
    rm -f "$file"
    # shellcheck disable=SC2086
    if $command "$@" -lm -o "$file" >"$file.log" 2>&1; then
        echo "$print" >"$file.made-of"
    else
        rm -f "$file"
    fi
}

# Starts a build and keeps at most two running.
start_build() {
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
        wait -n || true
    done
    build "$@" &
}

# build_kinds NAME "KIND..." FLAG_OR_SOURCE...
build_kinds() {
    local name=$1 kinds=$2 kind
    shift 2
    for kind in $kinds; do
        if has_compiler "$kind"; then
            start_build "$name" "$kind" "$@"
        fi
    done
}

# is_ready NAME KIND LABEL: is there something to run? If not, says why.
is_ready() {
    if [ -e "$OUT/$1.$2" ] && [ -e "$OUT/$1.$4" ]; then
        return 0
    elif ! has_compiler "$2"; then
        skip "$3" "no $(compiler "$2")"
    elif ! has_compiler "$4"; then
        skip "$3" "no $(compiler "$4")"
    else
        fail "$3" "does not build, see $OUT/$1.$2.log"
    fi
    return 1
}

# native DIR PROGRAM ARGS...: /data in the arguments is DIR.
native() {
    local dir=$1 program=$2
    shift 2
    timeout "$LIMIT" "$program" "${@/#\/data/$dir}"
}

# guest TIER DIR PROGRAM ARGS...: the same under $RUNNER, where DIR is opened as /data. TIER - is no choice.
guest() {
    local tier=$1 dir=$2 program=$3 choice=
    shift 3
    [ "$tier" = - ] || choice="--tier $tier"
    if [[ $RUNNER == *qemu* ]]; then
        # shellcheck disable=SC2086 # the runner is meant to split
        timeout "$LIMIT" $RUNNER "$program" "${@/#\/data/$dir}"
    else
        # shellcheck disable=SC2086
        timeout "$LIMIT" $RUNNER $choice --dir "$dir:/data:rw" "$program" "$@"
    fi
}

# fresh DIR: a directory that holds nothing but copies of $INPUTS.
fresh() {
    rm -rf "$1"
    mkdir "$1"
    [ ${#INPUTS[@]} = 0 ] || cp "${INPUTS[@]}" "$1"
}

# same NAME KIND NATIVE_KIND ARGS...: runs both in fresh directories, the guest in every tier, and compares what they
# print and return. Sets `problem`. Standard input is $STDIN.
INPUTS=() STDIN=/dev/null
same() {
    local program=$OUT/$1.$2 reference=$OUT/$1.$3 expected=0 got tier
    shift 3
    fresh "$WORK/n"
    native "$WORK/n" "$reference" "$@" <"$STDIN" >"$WORK/expected" 2>"$WORK/expected.err" || expected=$?
    problem=
    for tier in $TIERS; do
        fresh "$WORK/g"
        got=0
        guest "$tier" "$WORK/g" "$program" "$@" <"$STDIN" >"$WORK/got" 2>"$WORK/got.err" || got=$?
        if [ "$got" != "$expected" ]; then
            problem="tier $tier: ended with $got, natively with $expected; $(tail -c 300 "$WORK/got.err" | tr '\n' ' ')"
        elif ! cmp -s "$WORK/expected" "$WORK/got"; then
            problem="tier $tier: output differs: $(diff "$WORK/expected" "$WORK/got" | sed -n 2,4p | cut -c1-200 | tr '\n' ' ')"
        fi
        [ -z "$problem" ] || return 1
    done
}

report() {
    if [ -z "$2" ]; then pass "$1"; else fail "$1" "$2"; fi
}

wants() { [[ " $WANTED " == *" $1 "* ]]; }

build_wanted() {
    local lua zstd
    ! wants c || build_kinds c "native glibc musl picolibc" "$SRC/c/libc.c"
    ! wants hello || build_kinds hello "native pie" "$SRC/c/hello.c"
    ! wants cpp || build_kinds cpp "native++ glibc++ musl++" -std=c++17 "$SRC/cpp/main.cpp"
    if wants lua && [ -n "$LUA" ]; then
        lua=("$LUA"/*.c)
        build_kinds lua "native glibc musl" -DLUA_USE_POSIX "-I$LUA" "$SRC/lua/main.c" "${lua[@]}"
    fi
    if wants zstd && [ -n "$ZSTD" ]; then
        zstd=("$ZSTD"/common/*.c "$ZSTD"/compress/*.c "$ZSTD"/decompress/*.c)
        build_kinds zstd "native glibc musl picolibc" -DZSTD_DISABLE_ASM "-I$ZSTD" "$SRC/zstd/main.c" "${zstd[@]}"
    fi
    if wants sqlite && [ -n "$SQLITE" ]; then
        build_kinds sqlite "native glibc musl" -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION "-I$SQLITE" \
            "$SRC/sqlite/main.c" "$SQLITE/sqlite3.c"
    fi
    wait
}

test_c() {
    local kind
    for kind in glibc musl picolibc; do
        is_ready c $kind "c ($kind)" native || continue
        same c $kind native one "two words" || true
        report "c ($kind)" "$problem"
    done
}

test_hello() {
    is_ready hello pie "hello (musl static-PIE)" native || return 0
    same hello pie native reader || true
    report "hello (musl static-PIE)" "$problem"
}

test_cpp() {
    local kind
    printf 'first line\nsecond\n\nlast without end' >"$WORK/stdin"
    STDIN=$WORK/stdin
    for kind in glibc musl; do
        is_ready cpp $kind++ "cpp ($kind)" native++ || continue
        same cpp $kind++ native++ /data || true
        report "cpp ($kind)" "$problem"
    done
    STDIN=/dev/null
}

test_lua() {
    local kind script problems
    [ -n "$LUA" ] || { skip lua "its package cannot be fetched: $(tail -1 "$WORK/fetch")" && return 0; }
    INPUTS=("$SRC"/lua/*.lua)
    for kind in glibc musl; do
        is_ready lua $kind "lua ($kind)" native || continue
        problems=
        for script in "${INPUTS[@]}"; do
            same lua $kind native "/data/${script##*/}" /data || problems+="${script##*/} $problem; "
        done
        report "lua ($kind, ${#INPUTS[@]} scripts)" "$problems"
    done
    INPUTS=()
}

test_zstd() {
    local kind
    [ -n "$ZSTD" ] || { skip zstd "its package cannot be fetched: $(tail -1 "$WORK/fetch")" && return 0; }
    for kind in glibc musl picolibc; do
        is_ready zstd $kind "zstd ($kind)" native || continue
        same zstd $kind native || true
        report "zstd ($kind)" "$problem"
    done
}

# The guest creates a database and opens it again; the native build must be able to read it, and it must be
# the database the native build makes, byte for byte.
test_sqlite() {
    local kind
    [ -n "$SQLITE" ] || { skip sqlite "its package cannot be fetched: $(tail -1 "$WORK/fetch")" && return 0; }
    for kind in glibc musl; do
        is_ready sqlite $kind "sqlite ($kind)" native || continue
        if same sqlite $kind native /data/test.db create; then
            INPUTS=("$WORK/test.db")
            cp "$WORK/g/test.db" "$WORK/test.db"
            cmp -s "$WORK/n/test.db" "$WORK/g/test.db" || problem="the database differs from the native one"
            [ -n "$problem" ] || same sqlite $kind native /data/test.db check || problem="reopened: $problem"
            INPUTS=()
        fi
        report "sqlite ($kind)" "$problem"
    done
}

command -v "${RUNNER%% *}" >/dev/null || {
    echo "SKIPPED real programs (no runner: ${RUNNER%% *})"
    [ "${REQUIRE:-0}" != 1 ]
    exit
}
find_packages
build_wanted
for name in $WANTED; do
    "test_$name"
done
echo "real programs in tiers $TIERS: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && { [ "$skipped" = 0 ] || [ "${REQUIRE:-0}" != 1 ]; }
