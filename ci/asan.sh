#!/usr/bin/env bash
# The unsafe islands under AddressSanitizer: the tests of the crates that have one, and of the interpreter,
# that reaches guest memory through it; and those of the whole in which hosts and guests attack, call each other, panic, and leave memory to
# the next. Needs a nightly toolchain; without one it is skipped, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "SKIPPED asan: no nightly toolchain"
    [ "${REQUIRE:-0}" = 1 ] && exit 1
    exit 0
fi

# The address space of a guest is reserved, not used: it must not count as a leak or as memory.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}
export RUSTFLAGS="-Zsanitizer=address"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/asan
# Cranelift has no islands of ours: what counts is that it is soon built.
run() {
    cargo +nightly test --locked --target x86_64-unknown-linux-gnu --config 'profile.test.package."*".opt-level=1' "$@"
}
run -p causality-machine -p causality-interp -p causality-jit --lib --tests
# How much memory a process takes says nothing here.
run -p causality-vm --test attacks --test calls --test host_panics --test hosts --test instances -- --skip leaks::
