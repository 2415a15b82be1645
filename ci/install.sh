#!/usr/bin/env bash
# Installs what the tests use besides Rust: RISC-V compilers, QEMU, a debugger, a program generator.
#
# Only what is missing is installed, so a second run changes nothing and needs no network. Whatever cannot
# be had is named, and the script still succeeds: the tests that need it say so and skip.
set -euo pipefail

# command or file, package
NEEDS="
qemu-riscv64 qemu-user
riscv64-unknown-elf-gcc gcc-riscv64-unknown-elf
/usr/lib/picolibc/riscv64-unknown-elf/lib/libc.a picolibc-riscv64-unknown-elf
riscv64-linux-gnu-gcc gcc-riscv64-linux-gnu
riscv64-linux-gnu-g++ g++-riscv64-linux-gnu
/usr/riscv64-linux-gnu/lib/libc.a libc6-dev-riscv64-cross
llvm-mc-19 llvm-19
ld.lld-19 lld-19
clang-19 clang-19
gdb-multiarch gdb-multiarch
csmith csmith
/usr/include/csmith/csmith.h libcsmith-dev
gcc gcc
g++ g++
hyperfine hyperfine
"

is_there() {
    case $1 in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# Prints the packages whose command or file is missing.
missing() {
    local what package
    while read -r what package; do
        [ -z "$what" ] || is_there "$what" || echo "$package"
    done <<<"$NEEDS"
}

has_zig() { python3 -m ziglang version >/dev/null 2>&1; }

has_blake3() { python3 -c 'import blake3' >/dev/null 2>&1; }

install_packages() {
    local package
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "install: not root, or no apt-get: installing nothing"
        return 0
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1 || echo "install: apt-get update failed; trying with what it knows"
    # All at once is quick; one by one finds out which of them cannot be had.
    # shellcheck disable=SC2086 # a list of packages
    apt-get install -y -qq --no-install-recommends $1 >/dev/null 2>&1 && return 0
    for package in $1; do
        apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 || true
    done
}

install_python_package() {
    command -v pip >/dev/null || return 0
    pip install --quiet --root-user-action=ignore "$1" >/dev/null 2>&1 ||
        pip install --quiet --break-system-packages "$1" >/dev/null 2>&1 || true
}

wanted=$(missing | sort -u | tr '\n' ' ')
[ -z "$wanted" ] || install_packages "$wanted"
has_zig || install_python_package ziglang
has_blake3 || install_python_package blake3

lacking=$(missing | sort -u | tr '\n' ' ')
has_zig || lacking+="ziglang "
has_blake3 || lacking+="blake3 "
if [ -z "$lacking" ]; then
    echo "install: everything the tests use is there"
else
    echo "install: MISSING $lacking- tests that need these will be skipped"
fi
