#!/usr/bin/env bash
# Installs what the tests use besides Rust: RISC-V compilers, QEMU, a debugger, a program generator.
#
# Only what is missing is installed, so a second run changes nothing and needs no network. Whatever cannot
# be had is named, and the script still succeeds: the tests that need it say so and skip.
set -euo pipefail
cd "$(dirname "$0")/.."

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
python3 python3
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

# Python packages go where plain pip puts them, or else into a virtual environment of ours.
VENV=${CARGO_TARGET_DIR:-target}/venv

# has_module NAME: can any of the two Pythons import it?
has_module() {
    python3 -c "import $1" >/dev/null 2>&1 || "$VENV/bin/python3" -c "import $1" >/dev/null 2>&1
}

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

# Debian keeps what makes one in a package of its own.
make_venv() {
    python3 -m venv "$VENV" >/dev/null 2>&1 && return 0
    install_packages python3-venv
    python3 -m venv "$VENV" >/dev/null 2>&1
}

# Where the system manages Python's packages pip refuses, and is not overruled.
install_python_package() {
    python3 -m pip install --quiet --root-user-action=ignore "$1" >/dev/null 2>&1 && return 0
    [ -x "$VENV/bin/pip" ] || make_venv || return 0
    "$VENV/bin/pip" install --quiet "$1" >/dev/null 2>&1 || true
}

wanted=$(missing | sort -u | tr '\n' ' ')
[ -z "$wanted" ] || install_packages "$wanted"
has_module ziglang || install_python_package ziglang
has_module blake3 || install_python_package blake3

lacking=$(missing | sort -u | tr '\n' ' ')
has_module ziglang || lacking+="ziglang "
has_module blake3 || lacking+="blake3 "
if [ -z "$lacking" ]; then
    echo "install: everything the tests use is there"
else
    echo "install: MISSING $lacking- tests that need these will be skipped"
fi
